-- insertLines
insert into `audit_lines` (`writer`, `seq`, `at`, `event`, `actor_kind`, `actor_id`, `subject_kind`, `subject_id`, `user_id`, `reason`, `request_id`, `details`, `actor_sealed`, `user_sealed`, `prev_hash`, `hash`) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- insertWriter
insert into `audit_writers` (`writer`, `started_at`, `covered_seq`, `removed_in`) values (?, ?, ?, ?);

-- listPersons
select * from `audit_persons` where `user_id` in (?, ?);

-- insertPersons
insert into `audit_persons` (`user_id`, `secret`, `erased_at`) values (?, ?, ?);

-- listErasedPersons
select `user_id` from `audit_persons` where `secret` is null and `user_id` > ? order by `user_id` limit ?;

-- listErasures
select * from `audit_lines` where `user_id` in (?, ?) and `event` in (?);

-- listErasedIn
select `user_id` from `audit_lines` where `event` in (?) and `at` < ? and `writer` in (?, ?) and `user_id` is not null;

-- erasePersonRow
update `audit_persons` set `secret` = ?, `erased_at` = ? where `user_id` = ?;

-- listLinesBehind
select * from `audit_lines` where (`writer` > ? or (`writer` = ? and `seq` > ?)) order by `writer`, `seq` limit ?;

-- findHead
select `writer`, `seq`, `at`, `hash` from `audit_lines` where `writer` = ? order by `seq` desc limit ?;

-- findWriter
select * from `audit_writers` where `writer` = ?;

-- listWriters
select * from `audit_writers` where `writer` > ? order by `writer` limit ?;

-- listGrownWriters
select * from `audit_writers` where `writer` > ? and `covered_seq` < (select max(`seq`) as `seq` from `audit_lines` where `audit_lines`.`writer` = `audit_writers`.`writer`) order by `writer` limit ?;

-- coverLines
update `audit_writers` set `covered_seq` = ? where `writer` = ? and `covered_seq` < ?;

-- findLastCheckpoint
select * from `audit_checkpoints` order by `number` desc limit ?;

-- insertCheckpoint
insert into `audit_checkpoints` (`number`, `at`, `key_id`, `body`, `hash`, `signature`) values (?, ?, ?, ?, ?, ?);

-- listCheckpointSigners
select `key_id`, min(`number`) as `first` from `audit_checkpoints` group by `key_id`;

-- listCheckpointsBehind
select * from `audit_checkpoints` where `number` > ? order by `number` limit ?;

-- listCheckpointsBelow
select * from `audit_checkpoints` where `number` < ? order by `number` desc limit ?;

-- listWritersBefore
select * from `audit_writers` where `started_at` < ? and `removed_in` is null order by `started_at`, `writer` limit ?;

-- setRemovedIn
update `audit_writers` set `removed_in` = ? where `writer` in (?, ?);

-- listWritersToRemove
select * from `audit_writers` where `removed_in` is not null order by `removed_in`, `writer` limit ?;

-- listSeqs
select `seq` from `audit_lines` where `writer` = ? order by `seq` limit ?;

-- deleteLinesUpTo
delete from `audit_lines` where `writer` = ? and `seq` <= ?;

-- deleteWriter
delete from `audit_writers` where `writer` = ?;

-- deleteCheckpointsBelow
select `number` from `audit_checkpoints` where `number` < ? order by `number` limit ?;

-- deleteErasedPersons
select `user_id` from `audit_persons` where `erased_at` < ? order by `erased_at` limit ?;

-- listLines
select * from `audit_lines` order by `at` desc, `writer` desc, `seq` desc limit ?;
select * from `audit_lines` where `user_id` = ? and `event` = ? and `at` <= ? and (`at` < ? or `writer` < ? or (`writer` = ? and `seq` < ?)) order by `at` desc, `writer` desc, `seq` desc limit ?;
select * from `audit_lines` where `actor_id` = ? and `subject_id` = ? and `at` >= ? and `at` < ? order by `at` asc, `writer` asc, `seq` asc limit ?;
select * from `audit_lines` where `at` >= ? and (`at` > ? or `writer` > ? or (`writer` = ? and `seq` > ?)) order by `at` asc, `writer` asc, `seq` asc limit ?;
