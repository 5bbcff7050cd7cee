-- What the page of operators and tokens tells about their use.
ALTER TABLE operators ADD COLUMN last_sign_in_at TIMESTAMPTZ;
ALTER TABLE tokens ADD COLUMN last_used_at TIMESTAMPTZ;
ALTER TABLE tokens ADD COLUMN last_used_from TEXT;
