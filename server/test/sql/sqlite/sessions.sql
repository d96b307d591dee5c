-- listDevicesOfUser
select "id", "user_agent" from "sessions" where "user_id" = ? order by "created_at" desc limit ?;

-- insertSession
insert into "sessions" ("id", "user_id", "generation", "rotated_at", "redeemers", "idle_expires_at", "absolute_expires_at", "ended_at", "end_reason", "created_at", "last_used_at", "last_ip", "user_agent", "device_name") values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- findSessionWithUser
select "sessions"."id", "sessions"."user_id", "sessions"."generation", "sessions"."rotated_at", "sessions"."redeemers", "sessions"."idle_expires_at", "sessions"."absolute_expires_at", "sessions"."ended_at", "sessions"."end_reason", "sessions"."created_at" as "session_created_at", "sessions"."last_ip", "users"."email", "users"."email_verified", "users"."name", "users"."locale", "users"."roles", "users"."roles_id", "users"."status", "users"."metadata", "users"."created_at", "users"."updated_at", "users"."last_login_at" from "sessions" left join "users" on "users"."id" = "sessions"."user_id" where "sessions"."id" = ?;

-- rotateSessionRow
update "sessions" set "generation" = ?, "redeemers" = ?, "rotated_at" = ?, "last_used_at" = ?, "idle_expires_at" = ?, "last_ip" = ? where "id" = ? and "generation" = ? and "ended_at" is null;

-- endSessionRow
update "sessions" set "ended_at" = ?, "end_reason" = ? where "id" = ? and "ended_at" is null;
update "sessions" set "ended_at" = ?, "end_reason" = ? where "id" = ? and "generation" = ? and "ended_at" is null;

-- endSessionRows
update "sessions" set "ended_at" = ?, "end_reason" = ? where "id" in (?, ?) and "ended_at" is null;

-- endSessionRowsOfUser
update "sessions" set "ended_at" = ?, "end_reason" = ? where "user_id" = ? and "created_at" <= ? and "ended_at" is null;

-- listEndedSessions
select "id", "ended_at" from "sessions" where "id" in (?, ?) and "ended_at" in (?, ?);

-- listEndedUsers
select distinct "user_id", "ended_at" from "sessions" where "user_id" in (?, ?) and "ended_at" in (?, ?);

-- findSessionEnd
select "id", "ended_at", "end_reason" from "sessions" where "id" = ? and "ended_at" is not null;

-- listSessionsEndedSince
select "id", "ended_at", "end_reason" from "sessions" where "user_id" = ? and "end_reason" = ? and "ended_at" >= ?;

-- listOpenSessions
select "id", "idle_expires_at", "absolute_expires_at" from "sessions" where "user_id" = ? and "ended_at" is null;
select "id", "idle_expires_at", "absolute_expires_at" from "sessions" where "user_id" = ? and "ended_at" is null and "id" != ?;

-- findSessionRow
select * from "sessions" where "id" = ?;

-- findSessionOfUser
select * from "sessions" where "id" = ? and "user_id" = ?;

-- listSessionRows
select * from "sessions" where "user_id" = ? order by "id" desc limit ?;
select * from "sessions" where "user_id" = ? and "id" < ? order by "id" desc limit ?;

-- listLiveSessionsByUse
select "id" from "sessions" where "user_id" = ? and "ended_at" is null and "idle_expires_at" > ? and "absolute_expires_at" > ? order by "last_used_at" desc, "id" desc;

-- listSessionsExpiredBefore
select "id", "absolute_expires_at" as "due_at" from "sessions" where "absolute_expires_at" < ? order by "absolute_expires_at", "id" limit ?;

-- deleteSessionRows
delete from "sessions" where "id" in (?, ?);

-- blankSessionRowsOfUser
update "sessions" set "last_ip" = ?, "user_agent" = ?, "device_name" = ? where "user_id" = ?;
