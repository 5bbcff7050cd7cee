-- Alert policies that somebody changed, each as its JSON document; the others are as they come.
CREATE TABLE alert_policies (
    id     TEXT PRIMARY KEY,
    policy TEXT NOT NULL
);

-- What admins are told about. An episode has one alert, which its repeats are added to. `comments` has a JSON object a
-- line. `untold` waits to be told; `notice_id` is the notice that told it last.
CREATE TABLE alerts (
    id             UUID PRIMARY KEY,
    episode        bytewise_text NOT NULL UNIQUE,
    policy         TEXT NOT NULL,
    severity       TEXT NOT NULL,
    status         TEXT NOT NULL,
    address        TEXT,
    restriction_id UUID REFERENCES restrictions (id),
    reason         TEXT NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    changed_at     TIMESTAMPTZ NOT NULL,
    activities     BIGINT NOT NULL,
    assigned_to    TEXT,
    comments       TEXT NOT NULL,
    untold         BOOLEAN NOT NULL,
    notice_id      UUID
);
CREATE INDEX alerts_status ON alerts (status, id);
CREATE INDEX alerts_policy ON alerts (policy, id);
CREATE INDEX alerts_restriction ON alerts (restriction_id) WHERE restriction_id IS NOT NULL;
CREATE INDEX alerts_untold ON alerts (policy, id) WHERE untold;

-- What is told at once to everybody concerned, as a JSON document.
CREATE TABLE notices (
    id         UUID PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL,
    notice     TEXT NOT NULL
);
CREATE INDEX notices_created_at ON notices (created_at);

-- One notice on its way to one place: a mail address, or a webhook by its label. Nothing more is tried without `due_at`.
CREATE TABLE deliveries (
    id           UUID PRIMARY KEY,
    notice_id    UUID NOT NULL REFERENCES notices (id),
    channel      TEXT NOT NULL,
    target       TEXT NOT NULL,
    last_today   BOOLEAN NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    due_at       TIMESTAMPTZ,
    attempts     BIGINT NOT NULL,
    delivered_at TIMESTAMPTZ,
    given_up_at  TIMESTAMPTZ,
    problem      TEXT
);
CREATE INDEX deliveries_due ON deliveries (channel, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_notice ON deliveries (notice_id);
CREATE INDEX deliveries_given_up ON deliveries (given_up_at) WHERE given_up_at IS NOT NULL;

-- When the last notice about a policy's alerts was written, and how many mails a recipient got of a policy in a UTC day.
CREATE TABLE last_notices (
    policy     TEXT PRIMARY KEY,
    written_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE mails_of_day (
    policy    TEXT NOT NULL,
    recipient TEXT NOT NULL,
    day       BIGINT NOT NULL,
    mails     BIGINT NOT NULL,
    PRIMARY KEY (policy, recipient, day)
);

-- The weeks, counted from Monday 1970-01-05, whose digest was written.
CREATE TABLE weekly_digests (
    week       BIGINT PRIMARY KEY,
    written_at TIMESTAMPTZ NOT NULL
);
