-- listDevicesOfUser
select "id", "user_agent" from "sessions" where "user_id" = $1 order by "created_at" desc limit $2;

-- insertSession
insert into "sessions" ("id", "user_id", "generation", "rotated_at", "redeemers", "idle_expires_at", "absolute_expires_at", "ended_at", "end_reason", "created_at", "last_used_at", "last_ip", "user_agent", "device_name") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- findSessionWithUser
select "sessions"."id", "sessions"."user_id", "sessions"."generation", "sessions"."rotated_at", "sessions"."redeemers", "sessions"."idle_expires_at", "sessions"."absolute_expires_at", "sessions"."ended_at", "sessions"."end_reason", "sessions"."created_at" as "session_created_at", "sessions"."last_ip", "users"."email", "users"."email_verified", "users"."name", "users"."locale", "users"."roles", "users"."roles_id", "users"."status", "users"."metadata", "users"."created_at", "users"."updated_at", "users"."last_login_at" from "sessions" left join "users" on "users"."id" = "sessions"."user_id" where "sessions"."id" = $1;

-- rotateSessionRow
update "sessions" set "generation" = $1, "redeemers" = $2, "rotated_at" = $3, "last_used_at" = $4, "idle_expires_at" = $5, "last_ip" = $6 where "id" = $7 and "generation" = $8 and "ended_at" is null;

-- endSessionRow
update "sessions" set "ended_at" = $1, "end_reason" = $2 where "id" = $3 and "ended_at" is null;
update "sessions" set "ended_at" = $1, "end_reason" = $2 where "id" = $3 and "generation" = $4 and "ended_at" is null;

-- endSessionRows
update "sessions" set "ended_at" = $1, "end_reason" = $2 where "id" in ($3, $4) and "ended_at" is null;

-- endSessionRowsOfUser
update "sessions" set "ended_at" = $1, "end_reason" = $2 where "user_id" = $3 and "created_at" <= $4 and "ended_at" is null;

-- listEndedSessions
select "id", "ended_at" from "sessions" where "id" in ($1, $2) and "ended_at" in ($3, $4);

-- listEndedUsers
select distinct "user_id", "ended_at" from "sessions" where "user_id" in ($1, $2) and "ended_at" in ($3, $4);

-- findSessionEnd
select "id", "ended_at", "end_reason" from "sessions" where "id" = $1 and "ended_at" is not null;

-- listSessionsEndedSince
select "id", "ended_at", "end_reason" from "sessions" where "user_id" = $1 and "end_reason" = $2 and "ended_at" >= $3;

-- listOpenSessions
select "id", "idle_expires_at", "absolute_expires_at" from "sessions" where "user_id" = $1 and "ended_at" is null;
select "id", "idle_expires_at", "absolute_expires_at" from "sessions" where "user_id" = $1 and "ended_at" is null and "id" != $2;

-- findSessionRow
select * from "sessions" where "id" = $1;

-- findSessionOfUser
select * from "sessions" where "id" = $1 and "user_id" = $2;

-- listSessionRows
select * from "sessions" where "user_id" = $1 order by "id" desc limit $2;
select * from "sessions" where "user_id" = $1 and "id" < $2 order by "id" desc limit $3;

-- listLiveSessionsByUse
select "id" from "sessions" where "user_id" = $1 and "ended_at" is null and "idle_expires_at" > $2 and "absolute_expires_at" > $3 order by "last_used_at" desc, "id" desc;

-- listSessionsExpiredBefore
select "id", "absolute_expires_at" as "due_at" from "sessions" where "absolute_expires_at" < $1 order by "absolute_expires_at", "id" limit $2;

-- deleteSessionRows
delete from "sessions" where "id" in ($1, $2);

-- blankSessionRowsOfUser
update "sessions" set "last_ip" = $1, "user_agent" = $2, "device_name" = $3 where "user_id" = $4;
