-- Every order, filter and search of the list has an index that holds what it asks for in order, those of the active apart
-- from those of the released. Each begins with the cause, of which there are four: a page of one cause reads one stretch of
-- the index, a page of all causes four, and none passes over what was not asked for. The domain stands behind the ids for
-- the beginning of many domains, whose entries are picked out of all in order.
CREATE INDEX restrictions_active_by_time ON restrictions (cause, restricted_at, id) WHERE released_at IS NULL;
CREATE INDEX restrictions_active_by_address ON restrictions (cause, address, id, domain) WHERE released_at IS NULL;
CREATE INDEX restrictions_active_by_domain ON restrictions (cause, domain, address, id) WHERE released_at IS NULL;
CREATE INDEX restrictions_released_by_time ON restrictions (cause, restricted_at, id) WHERE released_at IS NOT NULL;
CREATE INDEX restrictions_released_by_address ON restrictions (cause, address, id, domain) WHERE released_at IS NOT NULL;
CREATE INDEX restrictions_released_by_domain ON restrictions (cause, domain, address, id) WHERE released_at IS NOT NULL;
-- What the unblocker asks for, as before. The other columns let a page of the unblocking be chosen in here: after many users
-- were unblocked at once, to look at the row of each would take long.
DROP INDEX restrictions_due;
CREATE INDEX restrictions_due ON restrictions
    ((COALESCE(takes_effect_at, ends_at)), takes_effect_at, ends_at, cause, address, domain, restricted_at, id)
    WHERE released_at IS NULL AND COALESCE(takes_effect_at, ends_at) IS NOT NULL;
DROP INDEX restrictions_active_domain;
DROP INDEX restrictions_since;

-- The audit log in the order of time, whole and by each filter: no filter passes over years of other records. Beginnings of
-- addresses are ranges of an index that sorts byte by byte, on Postgres too.
CREATE INDEX audit_at ON audit (at, number);
CREATE INDEX audit_by_actor ON audit (actor, at, number);
CREATE INDEX audit_by_action ON audit (action, at, number);
CREATE INDEX audit_by_actor_and_action ON audit (actor, action, at, number);
CREATE INDEX audit_by_address ON audit ((CAST(address AS bytewise_text)), at, number);
DROP INDEX audit_actor;
DROP INDEX audit_address;

-- Alerts of a policy that have some status.
CREATE INDEX alerts_policy_and_status ON alerts (policy, status, id);

-- What retention deletes.
CREATE INDEX crossings_at ON crossings (at);
CREATE INDEX refusals_minute ON refusals (minute);
