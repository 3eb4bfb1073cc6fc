-- Tables of schema logistics: carriers, vans, parcels and what goes wrong on the way.
CREATE SCHEMA logistics;
CREATE TABLE logistics.carriers (carrier_cd VARCHAR PRIMARY KEY, carrier_nm VARCHAR, sla_days INTEGER, max_kg DECIMAL(6, 1));
CREATE TABLE logistics.rate_card (
  carrier_cd VARCHAR NOT NULL REFERENCES logistics.carriers (carrier_cd), zone VARCHAR NOT NULL,
    up_to_kg DECIMAL(6, 1) NOT NULL, price DECIMAL(8, 2), PRIMARY KEY (carrier_cd, zone, up_to_kg));
CREATE TABLE logistics.vehicles (reg_no VARCHAR PRIMARY KEY, depot_cd VARCHAR, make_model VARCHAR, payload_kg INTEGER,
  mot_due DATE, fuel VARCHAR);
CREATE TABLE logistics.delivery_slots (slot_id INTEGER PRIMARY KEY, depot_cd VARCHAR, slot_dt DATE, from_hr INTEGER,
  to_hr INTEGER, capacity INTEGER, booked INTEGER);
CREATE TABLE logistics.shipments (
  shpmt_id BIGINT PRIMARY KEY, order_id BIGINT NOT NULL,
    carrier_cd VARCHAR NOT NULL REFERENCES logistics.carriers (carrier_cd), depot_cd VARCHAR, dispatched_at TIMESTAMP,
  promised_dt DATE, delivered_at TIMESTAMP, track_no VARCHAR, cost_amt DECIMAL(8, 2));
CREATE TABLE logistics.shipment_items (
  shpmt_id BIGINT NOT NULL REFERENCES logistics.shipments (shpmt_id), order_line_no INTEGER NOT NULL, sku VARCHAR,
    qty INTEGER, PRIMARY KEY (shpmt_id, order_line_no));
CREATE TABLE logistics.parcel_scans (
  scan_id BIGINT PRIMARY KEY, shpmt_id BIGINT NOT NULL REFERENCES logistics.shipments (shpmt_id), scan_cd VARCHAR,
    hub VARCHAR, scanned_at TIMESTAMP);
CREATE TABLE logistics.routes (
  route_id INTEGER PRIMARY KEY, reg_no VARCHAR REFERENCES logistics.vehicles (reg_no), driver_emp_id INTEGER, run_dt DATE,
    planned_km DECIMAL(6, 1), actual_km DECIMAL(6, 1));
CREATE TABLE logistics.route_stops (
  route_id INTEGER NOT NULL REFERENCES logistics.routes (route_id), stop_no INTEGER NOT NULL, shpmt_id BIGINT, eta TIMESTAMP,
    arrived_at TIMESTAMP, outcome VARCHAR, PRIMARY KEY (route_id, stop_no));
CREATE TABLE logistics.damage_claims (
  claim_id INTEGER PRIMARY KEY, shpmt_id BIGINT NOT NULL REFERENCES logistics.shipments (shpmt_id), filed_on DATE,
    claimed_amt DECIMAL(8, 2), settled_amt DECIMAL(8, 2), verdict VARCHAR);
CREATE TABLE logistics.fuel_log (fill_id INTEGER PRIMARY KEY, reg_no VARCHAR REFERENCES logistics.vehicles (reg_no),
  filled_at TIMESTAMP, litres DECIMAL(6, 2), cost_amt DECIMAL(8, 2), odometer_km INTEGER);
