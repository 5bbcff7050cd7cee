-- How many were restricted on each UTC day, imports left out. Both databases write a time with its date in front, and
-- connections to Postgres are in UTC.
CREATE TABLE restricted_days (
    day        bytewise_text PRIMARY KEY,
    restricted BIGINT NOT NULL
);
INSERT INTO restricted_days (day, restricted)
SELECT substr(CAST(restricted_at AS TEXT), 1, 10), COUNT(*)
  FROM restrictions
 WHERE NOT imported
 GROUP BY substr(CAST(restricted_at AS TEXT), 1, 10);
