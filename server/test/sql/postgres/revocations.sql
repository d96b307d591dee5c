-- insertRevocations
insert into "revocations" ("id", "kind", "subject", "before_at", "until_at", "position", "reason", "revoked_at") values ($1, $2, $3, $4, $5, $6, $7, $8);

-- listRevokedTokens
select "subject" from "revocations" where "until_at" > $1 and "kind" = $2 and "subject" in ($3, $4);

-- listRevocationsLapsedBefore
select "id", "until_at" as "due_at" from "revocations" where "until_at" < $1 order by "until_at", "id" limit $2;

-- deleteRevocationRows
delete from "revocations" where "id" in ($1, $2);

-- listRevocationsAfter
select * from "revocations" where "position" > $1 and "until_at" > $2 order by "position", "id" limit $3;

-- listUnplacedIds
select "id" from "revocations" where "position" = $1 order by "id" limit $2;

-- placeRevocations
update "revocations" set "position" = $1 where "id" in ($2, $3) and "position" = $4;

-- readFeedHead
select "position" from "revocation_feed" where "name" = $1;

-- insertFeedHead
insert into "revocation_feed" ("name", "position") values ($1, $2);

-- advanceFeedHead
update "revocation_feed" set "position" = $1 where "name" = $2 and "position" = $3;
