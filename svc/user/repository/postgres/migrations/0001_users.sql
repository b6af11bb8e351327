-- One row. Who writes locks it first, and so writes alone until the commit:
-- that is what makes the numbers of changes those of their commits.
CREATE TABLE store (
  id   text   NOT NULL, -- what tells this store from all others
  last bigint NOT NULL, -- number of the last change
  one  bool   PRIMARY KEY DEFAULT true CHECK (one)
);

INSERT INTO store (id, last) VALUES (left(md5(gen_random_uuid()::text), 16), 0);

-- Collation "C": the order of bytes, and case by ASCII, as in the other store.
CREATE TABLE users (
  id           text COLLATE "C" PRIMARY KEY,
  email        text COLLATE "C" NOT NULL,
  display_name text COLLATE "C" NOT NULL,
  role         text COLLATE "C" NOT NULL,
  state        text COLLATE "C" NOT NULL,
  phone        text COLLATE "C" NOT NULL,
  chat         text COLLATE "C" NOT NULL,
  groups       text[]      NOT NULL,
  labels       jsonb       NOT NULL,
  created      timestamptz NOT NULL,
  updated      timestamptz NOT NULL,
  revision     bigint      NOT NULL
);

CREATE UNIQUE INDEX users_by_email ON users (lower(email));
CREATE INDEX users_by_name ON users (display_name, id);

CREATE TABLE changes (
  seq     bigint PRIMARY KEY,
  kind    text        NOT NULL,
  content jsonb       NOT NULL, -- the user
  at      timestamptz NOT NULL
);

-- The requests that created users lately, so that they can be repeated.
CREATE TABLE requests (
  id       text PRIMARY KEY,
  hash     bytea       NOT NULL, -- of what was asked for
  content  jsonb       NOT NULL, -- the user, as it was created
  revision bigint      NOT NULL,
  at       timestamptz NOT NULL
);

CREATE INDEX requests_by_time ON requests (at);
