-- findGuesses
select "failures", "last_at" from "guesses" where "name" = ?;

-- listGuesses
select * from "guesses" where "name" in (?, ?);

-- insertGuesses
insert into "guesses" ("name", "failures", "last_at", "forgotten_at") values (?, ?, ?, ?);

-- replaceGuesses
update "guesses" set "failures" = ?, "last_at" = ?, "forgotten_at" = ? where "name" = ? and "failures" = ? and "last_at" = ?;

-- returnGuess
update "guesses" set "failures" = "failures" - ? where "name" = ? and "failures" > ?;

-- deleteGuesses
delete from "guesses" where "name" = ?;

-- findBucket
select "empty_at" from "buckets" where "name" = ?;

-- fillBucket
update "buckets" set "empty_at" = case when "empty_at" > ? then "empty_at" + ? else 1001 end where "name" = ? and "empty_at" <= ?;

-- insertBucket
insert into "buckets" ("name", "empty_at") values (?, ?);

-- replaceBucket
update "buckets" set "empty_at" = ? where "name" = ? and "empty_at" = ?;

-- drainBucket
update "buckets" set "empty_at" = "empty_at" - ? where "name" = ?;

-- listGuessesForgottenBefore
select "name" as "id", "forgotten_at" as "due_at" from "guesses" where "forgotten_at" < ? order by "forgotten_at", "name" limit ?;

-- deleteGuessRows
delete from "guesses" where "name" in (?, ?) and "forgotten_at" < ?;

-- listBucketsEmptyBefore
select "name" as "id", "empty_at" as "due_at" from "buckets" where "empty_at" < ? order by "empty_at", "name" limit ?;

-- deleteBucketRows
delete from "buckets" where "name" in (?, ?) and "empty_at" < ?;
