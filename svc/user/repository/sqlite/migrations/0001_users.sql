CREATE TABLE users (
  id           TEXT PRIMARY KEY,
  email        TEXT NOT NULL COLLATE NOCASE UNIQUE,
  display_name TEXT NOT NULL,
  role         TEXT NOT NULL,
  state        TEXT NOT NULL,
  phone        TEXT NOT NULL,
  chat         TEXT NOT NULL,
  groups       TEXT NOT NULL, -- JSON array
  labels       TEXT NOT NULL, -- JSON object
  created      INTEGER NOT NULL, -- nanoseconds since 1970
  updated      INTEGER NOT NULL,
  revision     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX users_by_name ON users (display_name, id);

-- AUTOINCREMENT: a number is never given twice, not even after old changes
-- were deleted, so it can stand in the tokens that clients keep.
CREATE TABLE changes (
  seq  INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  user TEXT NOT NULL, -- JSON
  at   INTEGER NOT NULL
) STRICT;
