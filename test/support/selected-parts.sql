-- A database whose objects need one another in every way that a selection has to follow, with names
-- that look like options, patterns and entries of an archive.
CREATE SCHEMA billing; CREATE SCHEMA crm; CREATE SCHEMA "Odd ""S";
CREATE EXTENSION citext;
CREATE TYPE public.status AS ENUM ('new', 'paid');
CREATE DOMAIN public.email AS text CHECK (VALUE ~ '@');
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.note := coalesce(new.note, ''t''); RETURN new; END';
CREATE FUNCTION public.plus(a int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT a + 1';
CREATE SEQUENCE public.shared_seq START 1000;
CREATE TABLE crm.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail public.email UNIQUE, name citext);
CREATE TABLE public.orders (
  id bigserial PRIMARY KEY, customer bigint NOT NULL REFERENCES crm.customers, st public.status DEFAULT 'new',
  n int NOT NULL DEFAULT nextval('public.shared_seq'), note text, twice int GENERATED ALWAYS AS (n * 2) STORED,
  CHECK (public.plus(n) > 0)
);
CREATE INDEX orders_plus ON public.orders (public.plus(n));
CREATE STATISTICS public.orders_stats ON id, n FROM public.orders;
CREATE TRIGGER touch_it BEFORE INSERT OR UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION public.touch();
ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
CREATE ROLE parts_reader;
CREATE POLICY only_new ON public.orders TO parts_reader USING (st = 'new');
COMMENT ON TABLE public.orders IS 'orders; Type: TABLE';
COMMENT ON COLUMN public.orders.note IS 'a note';
GRANT SELECT ON public.orders TO parts_reader;
GRANT SELECT (id) ON public.orders TO parts_reader;
CREATE TABLE public.order_lines (id int PRIMARY KEY, order_id bigint REFERENCES public.orders ON DELETE CASCADE);
CREATE VIEW public.open_orders AS SELECT id, st FROM public.orders WHERE st = 'new';
CREATE MATERIALIZED VIEW public.order_counts AS SELECT count(*) AS c FROM public.orders;
CREATE TABLE billing.invoices (id int, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE billing.invoices_2025 PARTITION OF billing.invoices FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE billing.invoices_2026 PARTITION OF billing.invoices FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY HASH (id);
CREATE TABLE billing.invoices_2026_0 PARTITION OF billing.invoices_2026 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE INDEX ON billing.invoices (at);
CREATE TABLE billing.base (id int PRIMARY KEY, x text);
CREATE TABLE billing.child (y int) INHERITS (billing.base);
CREATE TABLE public."select" (a int PRIMARY KEY);
CREATE TABLE public."a""b" (a int);
CREATE TABLE public."new
line" (a int);
-- Called alike in an archive's comments, which have a space for a line break.
CREATE TABLE public."new line" (b text);
CREATE TABLE public."Mixed Case" ("Id" int PRIMARY KEY, "select" text);
CREATE TABLE public."--all" (a int);
CREATE TABLE public."public.orders" (a int);
CREATE TABLE "Odd ""S"."x; Type: TABLE; Schema: public; Owner: postgres" (a int);
CREATE FUNCTION "Odd ""S".evil() RETURNS int LANGUAGE sql AS 'SELECT 1';
INSERT INTO crm.customers (mail, name) SELECT 'a' || i || '@b', 'n' || i FROM generate_series(1, 20) i;
INSERT INTO public.orders (customer, n) SELECT 1 + i % 20, i FROM generate_series(1, 100) i;
INSERT INTO public.order_lines SELECT i, i FROM generate_series(1, 50) i;
INSERT INTO billing.invoices SELECT i, DATE '2025-06-01' + i * 10 FROM generate_series(1, 50) i;
INSERT INTO billing.base SELECT i, 'b' FROM generate_series(1, 3) i;
INSERT INTO billing.child SELECT i, 'c', i FROM generate_series(10, 13) i;
INSERT INTO public."new
line" VALUES (1), (2);
INSERT INTO public."new line" VALUES ('other');
INSERT INTO public."a""b" VALUES (3);
INSERT INTO public."select" VALUES (4);
INSERT INTO public."Mixed Case" VALUES (1, 'x');
INSERT INTO public."--all" VALUES (1);
INSERT INTO public."public.orders" VALUES (1);
INSERT INTO "Odd ""S"."x; Type: TABLE; Schema: public; Owner: postgres" VALUES (7);
SELECT setval('public.shared_seq', 4321);
REFRESH MATERIALIZED VIEW public.order_counts;
