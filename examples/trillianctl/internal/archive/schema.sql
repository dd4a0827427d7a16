-- What one run of the archive knows is in here, and what it still has to do: a run
-- that was killed goes on from these tables.

-- Whose histories are kept.
CREATE TABLE owners (
	id           INTEGER PRIMARY KEY,
	name         TEXT NOT NULL UNIQUE, -- a user's address, or a group chat's name, which begins with #
	display_name TEXT NOT NULL,
	run          INTEGER NOT NULL      -- the last run that the server listed it in
);

-- Histories, each stored once.
CREATE TABLE conversations (
	id     INTEGER PRIMARY KEY,
	name   TEXT NOT NULL UNIQUE, -- the server's ID
	medium TEXT NOT NULL
);

-- An owner's copy of a conversation. Two users who write to each other have a copy
-- each, and either may delete from his own.
CREATE TABLE copies (
	id           INTEGER PRIMARY KEY,
	owner        INTEGER NOT NULL REFERENCES owners,
	conversation INTEGER NOT NULL REFERENCES conversations,
	name         TEXT NOT NULL,    -- what the owner's list calls it: the peer, or the group chat
	revision     INTEGER NOT NULL, -- of the owner's list
	fields       TEXT,             -- JSON: whatever else the server says
	UNIQUE (owner, conversation)
);
CREATE INDEX copies_conversation ON copies (conversation);

CREATE TABLE weeks (
	id           INTEGER PRIMARY KEY,
	conversation INTEGER NOT NULL REFERENCES conversations,
	year         INTEGER NOT NULL,
	week         INTEGER NOT NULL,
	digest       BLOB, -- SHA-256 of the messages; NULL until there are some
	UNIQUE (conversation, year, week)
);

-- A week as a copy lists it. It is to be asked for where asked differs from listed.
CREATE TABLE listed_weeks (
	copy   INTEGER NOT NULL REFERENCES copies,
	week   INTEGER NOT NULL REFERENCES weeks,
	listed INTEGER NOT NULL, -- how many messages the server says it has
	asked  INTEGER,          -- the same once it is archived as it is listed; NULL until then
	flags  INTEGER NOT NULL,
	fields TEXT,             -- JSON: whatever else the server says
	PRIMARY KEY (week, copy)
) WITHOUT ROWID;
CREATE INDEX listed_weeks_copy ON listed_weeks (copy);
CREATE INDEX listed_weeks_pending ON listed_weeks (copy) WHERE asked IS NOT listed;

CREATE TABLE messages (
	id     INTEGER PRIMARY KEY,
	week   INTEGER NOT NULL REFERENCES weeks,
	place  INTEGER NOT NULL, -- the server's order, from 0
	at     INTEGER NOT NULL, -- milliseconds since 1970, UTC; 0: not known
	sender TEXT NOT NULL,
	text   TEXT NOT NULL,
	fields TEXT,             -- JSON: whatever else the server says
	UNIQUE (week, place)
);

-- Kept beside every change of messages, many at once: a trigger would write the
-- index to the file for each of them.
CREATE VIRTUAL TABLE words USING fts5 (text, content = 'messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2');
CREATE TABLE media (
	id         INTEGER PRIMARY KEY,
	owner      INTEGER NOT NULL REFERENCES owners,
	item       TEXT NOT NULL,    -- the server's ID
	run        INTEGER NOT NULL, -- the last run that the server listed it in
	created_at INTEGER NOT NULL, -- seconds since 1970, UTC; 0: not known
	expires_at INTEGER NOT NULL, -- 0: never
	size       INTEGER NOT NULL,
	type       TEXT NOT NULL,
	name       TEXT NOT NULL,    -- the sender's: never a path
	thumbnail  TEXT NOT NULL,
	data       TEXT NOT NULL,
	fields     TEXT,             -- JSON: whatever else the server says
	sha256     TEXT,             -- of the file, which is stored under it; NULL: still to be downloaded
	UNIQUE (owner, item)
);

CREATE TABLE runs (
	id          INTEGER PRIMARY KEY,
	started_at  INTEGER NOT NULL, -- seconds since 1970, UTC
	finished_at INTEGER,          -- NULL: killed, or ended by an error
	server      TEXT NOT NULL     -- the base URL
);
