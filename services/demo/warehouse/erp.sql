-- Tables of schema erp: what is left of the old trade system, under its own spelling.
CREATE SCHEMA erp;
CREATE TABLE erp."salesRep" ("repCd" VARCHAR PRIMARY KEY, "repName" VARCHAR, "terrCd" VARCHAR, "commPct" DECIMAL(5, 2));
CREATE TABLE erp."custMaster" (
  "custNo" INTEGER PRIMARY KEY, "custName" VARCHAR, "repCd" VARCHAR REFERENCES erp."salesRep" ("repCd"),
    "crLimit" DECIMAL(12, 2), "acctBal" DECIMAL(12, 2), "termsCd" VARCHAR,
  "dtCreated" DATE, "stopFlag" VARCHAR);
CREATE TABLE erp."itemMaster" ("itemNo" VARCHAR PRIMARY KEY, "itemDesc" VARCHAR, "stdCost" DECIMAL(10, 2),
  "listPrice" DECIMAL(10, 2), "uom" VARCHAR, "abcClass" VARCHAR);
CREATE TABLE erp."orderHdr" (
  "ordNo" INTEGER PRIMARY KEY, "custNo" INTEGER NOT NULL REFERENCES erp."custMaster" ("custNo"), "ordDate" DATE,
    "reqDate" DATE, "ordTotal" DECIMAL(12, 2), "ordStat" VARCHAR);
CREATE TABLE erp."orderDtl" (
  "ordNo" INTEGER NOT NULL REFERENCES erp."orderHdr" ("ordNo"), "lineSeq" INTEGER NOT NULL,
    "itemNo" VARCHAR REFERENCES erp."itemMaster" ("itemNo"), "qtyOrd" INTEGER, "qtyShip" INTEGER,
  "unitPrice" DECIMAL(10, 2), PRIMARY KEY ("ordNo", "lineSeq"));
CREATE TABLE erp."whseQty" ("whseCd" VARCHAR NOT NULL, "itemNo" VARCHAR NOT NULL REFERENCES erp."itemMaster" ("itemNo"),
  "qtyOH" INTEGER, "qtyAlloc" INTEGER, "lastCount" DATE, PRIMARY KEY ("whseCd", "itemNo"));
CREATE TABLE erp."arOpenItems" (
  "docNo" INTEGER PRIMARY KEY, "custNo" INTEGER NOT NULL REFERENCES erp."custMaster" ("custNo"), "docType" VARCHAR,
    "docDate" DATE, "dueDate" DATE, "openAmt" DECIMAL(12, 2));
