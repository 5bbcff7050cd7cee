-- What senders submitted. The id (UUID version 7) holds the time of submission, so that the order of ids is the order of
-- time. Recipients and symbols are JSON lists.
CREATE TABLE messages (
    id             UUID PRIMARY KEY,
    at             TIMESTAMPTZ NOT NULL,
    sender         bytewise_text NOT NULL,
    source         TEXT NOT NULL,
    recipients     TEXT NOT NULL,
    inside         BIGINT NOT NULL,
    outside        BIGINT NOT NULL,
    unplaced       BIGINT NOT NULL,
    queue_id       bytewise_text,
    message_id     TEXT,
    subject        TEXT,
    client_address TEXT,
    verdict        TEXT,
    score          DOUBLE PRECISION,
    symbols        TEXT NOT NULL
);
CREATE INDEX messages_sender ON messages (sender, id);
-- Where another report of the same message finds it.
CREATE INDEX messages_queue_id ON messages (queue_id) WHERE queue_id IS NOT NULL;
CREATE INDEX messages_spam ON messages (id) WHERE verdict = 'spam';
CREATE INDEX messages_spam_of_sender ON messages (sender, id) WHERE verdict = 'spam';

-- How much every sender sent, by minute since 1970. `since` is the microsecond since 1970 when the sender was last
-- released before, 0 where it never was: only what came after the last release counts.
CREATE TABLE sending (
    sender   bytewise_text NOT NULL,
    minute   BIGINT NOT NULL,
    since    BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    spam     BIGINT NOT NULL,
    inside   BIGINT NOT NULL,
    outside  BIGINT NOT NULL,
    unplaced BIGINT NOT NULL,
    PRIMARY KEY (sender, minute, since)
);
-- What retention deletes.
CREATE INDEX sending_minute ON sending (minute);

-- The policies that judge senders, each as its JSON document. The default policy stands here once any was changed.
-- `revision` is larger with every change of any policy. `shadow_since` is when a policy in shadow began to watch.
CREATE TABLE outbound_spam_policies (
    id           UUID PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    priority     BIGINT,
    revision     BIGINT NOT NULL,
    shadow_since TIMESTAMPTZ,
    policy       TEXT NOT NULL
);

-- The lines that senders crossed, whatever came of it: each once a UTC day and life of the counts.
CREATE TABLE crossings (
    id             UUID PRIMARY KEY,
    at             TIMESTAMPTZ NOT NULL,
    sender         bytewise_text NOT NULL,
    policy_id      UUID NOT NULL,
    line           TEXT NOT NULL,
    action         TEXT NOT NULL,
    shadow         BOOLEAN NOT NULL,
    reason         TEXT NOT NULL,
    restriction_id UUID REFERENCES restrictions (id),
    day            BIGINT NOT NULL,
    since          BIGINT NOT NULL,
    UNIQUE (sender, policy_id, line, shadow, day, since)
);
CREATE INDEX crossings_policy ON crossings (policy_id, at);
