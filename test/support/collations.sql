-- ICU collations, one of them nondeterministic, under keys and partitions; for PostgreSQL 14 to 18 built with ICU.
create schema sorted;
create collation sorted.german (provider = icu, locale = 'de-u-co-phonebk');
create collation sorted.case_blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table sorted.words (word text collate sorted.german primary key, anyhow text collate sorted.case_blind unique);
insert into sorted.words select w || n, w || 'x' || n from unnest(array['Äpfel', 'Apfel', 'Zebra', 'ähnlich', 'straße', 'STRASSE2']) w, generate_series(1, 50) n;
create index words_swedish on sorted.words (word collate "sv-x-icu");
create table sorted.alphabet (word text collate sorted.german) partition by range (word);
create table sorted.alphabet_first partition of sorted.alphabet for values from (minvalue) to ('n');
create table sorted.alphabet_second partition of sorted.alphabet for values from ('n') to (maxvalue);
insert into sorted.alphabet select word from sorted.words;
comment on collation sorted.german is 'as in the phone book';
