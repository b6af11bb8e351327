-- One row: what tells this store from all others.
CREATE TABLE store (
  id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO store (id) VALUES (lower(hex(randomblob(8))));

-- The requests that created users lately, so that they can be repeated.
CREATE TABLE requests (
  id       TEXT PRIMARY KEY,
  hash     BLOB NOT NULL, -- of what was asked for
  user     TEXT NOT NULL, -- JSON, as it was created
  revision INTEGER NOT NULL,
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_by_time ON requests (at);
