-- Repeatable chance and word lists for the rows: the same key and salt give the same draw on every machine.
CREATE TEMP MACRO today() AS DATE '2026-06-30';
CREATE TEMP MACRO rnd(i, salt, n) AS (md5_number_lower(concat(i, '#', salt)) % n)::INTEGER;
CREATE TEMP MACRO unit(i, salt) AS rnd(i, salt, 1000000) / 1000000.0::DOUBLE;
CREATE TEMP MACRO skew(i, salt, n) AS floor(n * unit(i, salt) * sqrt(unit(i, salt)))::INTEGER;
CREATE TEMP MACRO pick(i, salt, xs) AS xs[rnd(i, salt, len(xs)) + 1];
CREATE TEMP MACRO pounds(i, salt, lo, hi) AS (lo + (hi - lo) * unit(i, salt))::DECIMAL(12, 2);
CREATE TEMP MACRO at_clock(d, i, salt, from_h, to_h) AS d + to_seconds(from_h * 3600 + rnd(i, salt, (to_h - from_h) * 3600));
CREATE TEMP MACRO first_names() AS ['Aoife', 'Bethan', 'Callum', 'Dilys', 'Euan', 'Farah', 'Gwen', 'Hamish', 'Imogen',
    'Jamal', 'Kirsty', 'Lorcan', 'Marek', 'Niamh', 'Orla', 'Priya',
  'Rhys', 'Saoirse', 'Tomasz', 'Una', 'Vikram', 'Wendy', 'Yusuf', 'Zofia', 'Angus', 'Carys', 'Declan', 'Elin', 'Fergus',
    'Hana', 'Iain', 'Joyce'];
CREATE TEMP MACRO last_names() AS ['Abbot', 'Birtwhistle', 'Corrigan', 'Dalgleish', 'Ellwood', 'Fairbairn', 'Gilhooly',
    'Haddow', 'Iqbal', 'Jesmond', 'Kowal', 'Lamming', 'Mistry', 'Nettleton',
  'Ogden', 'Penhallow', 'Quigley', 'Ravenscroft', 'Sandhu', 'Tregenza', 'Ulyatt', 'Vickery', 'Wraith', 'Yeoman', 'Ashdown',
    'Brockbank', 'Cullinane', 'Dunmore', 'Eastham', 'Fothergill'];
CREATE TEMP MACRO towns() AS ['Harrogate', 'Ludlow', 'Kendal', 'Totnes', 'Perth', 'Galway', 'Swansea', 'Hexham', 'Stamford',
    'Lewes', 'Bangor', 'Kilkenny', 'Whitby', 'Malvern', 'Truro', 'Ely',
  'Skipton', 'Dumfries', 'Cork', 'Shrewsbury', 'Hereford', 'Matlock'];
CREATE TEMP MACRO areas() AS ['HG', 'SY', 'LA', 'TQ', 'PH', 'H91', 'SA', 'NE', 'PE', 'BN', 'LL', 'R95', 'YO', 'WR', 'TR',
    'CB', 'BD', 'DG', 'T12', 'SY', 'HR', 'DE'];
CREATE TEMP MACRO postcode(i, salt) AS concat(areas()[rnd(i, salt, 22) + 1], 1 + rnd(i, salt || 'a', 20), ' ',
    1 + rnd(i, salt || 'b', 9), pick(i, salt || 'c', ['AB', 'DE', 'HJ', 'LN', 'PQ', 'RS', 'TW', 'XY']));
CREATE TEMP MACRO staff(i, salt) AS 1001 + rnd(i, salt, 240);
CREATE TEMP MACRO shopper(i, salt) AS 50001 + skew(i, salt, 1800);
