-- findGuesses
select "failures", "last_at" from "guesses" where "name" = $1;

-- listGuesses
select * from "guesses" where "name" in ($1, $2);

-- insertGuesses
insert into "guesses" ("name", "failures", "last_at", "forgotten_at") values ($1, $2, $3, $4);

-- replaceGuesses
update "guesses" set "failures" = $1, "last_at" = $2, "forgotten_at" = $3 where "name" = $4 and "failures" = $5 and "last_at" = $6;

-- returnGuess
update "guesses" set "failures" = "failures" - $1 where "name" = $2 and "failures" > $3;

-- deleteGuesses
delete from "guesses" where "name" = $1;

-- findBucket
select "empty_at" from "buckets" where "name" = $1;

-- fillBucket
update "buckets" set "empty_at" = case when "empty_at" > $1 then "empty_at" + $2 else 1001 end where "name" = $3 and "empty_at" <= $4;

-- insertBucket
insert into "buckets" ("name", "empty_at") values ($1, $2);

-- replaceBucket
update "buckets" set "empty_at" = $1 where "name" = $2 and "empty_at" = $3;

-- drainBucket
update "buckets" set "empty_at" = "empty_at" - $1 where "name" = $2;

-- listGuessesForgottenBefore
select "name" as "id", "forgotten_at" as "due_at" from "guesses" where "forgotten_at" < $1 order by "forgotten_at", "name" limit $2;

-- deleteGuessRows
delete from "guesses" where "name" in ($1, $2) and "forgotten_at" < $3;

-- listBucketsEmptyBefore
select "name" as "id", "empty_at" as "due_at" from "buckets" where "empty_at" < $1 order by "empty_at", "name" limit $2;

-- deleteBucketRows
delete from "buckets" where "name" in ($1, $2) and "empty_at" < $3;
