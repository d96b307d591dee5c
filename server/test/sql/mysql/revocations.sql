-- insertRevocations
insert into `revocations` (`id`, `kind`, `subject`, `before_at`, `until_at`, `position`, `reason`, `revoked_at`) values (?, ?, ?, ?, ?, ?, ?, ?);

-- listRevokedTokens
select `subject` from `revocations` where `until_at` > ? and `kind` = ? and `subject` in (?, ?);

-- listRevocationsLapsedBefore
select `id`, `until_at` as `due_at` from `revocations` where `until_at` < ? order by `until_at`, `id` limit ?;

-- deleteRevocationRows
delete from `revocations` where `id` in (?, ?);

-- listRevocationsAfter
select * from `revocations` where `position` > ? and `until_at` > ? order by `position`, `id` limit ?;

-- listUnplacedIds
select `id` from `revocations` where `position` = ? order by `id` limit ?;

-- placeRevocations
update `revocations` set `position` = ? where `id` in (?, ?) and `position` = ?;

-- readFeedHead
select `position` from `revocation_feed` where `name` = ?;

-- insertFeedHead
insert into `revocation_feed` (`name`, `position`) values (?, ?);

-- advanceFeedHead
update `revocation_feed` set `position` = ? where `name` = ? and `position` = ?;
