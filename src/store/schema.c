/* The numbered migrations. A migration that has been released is never edited: what follows gets the next number.
 * Types are those that SQLite and PostgreSQL read alike; times are seconds since 1970, money is minor units.
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/schema.h"

#include "store/migrate.h"

static const char first_purchase[] =
    "CREATE TABLE setting ("
    "  name TEXT PRIMARY KEY,"
    "  value TEXT NOT NULL) " BKS_DB_CLUSTERED ";"

    /* What the catalogue file says is sold. A book that left the file stays, withdrawn: orders name it. */
    "CREATE TABLE book ("
    "  id TEXT PRIMARY KEY,"
    "  position BIGINT NOT NULL,"
    "  title TEXT NOT NULL,"
    "  price BIGINT NOT NULL CHECK (price > 0),"
    "  document TEXT NOT NULL,"
    "  withdrawn BIGINT NOT NULL DEFAULT 0);"

    /* A visitor is known by the SHA-256 of the cookie: who reads the database can't be any of them. */
    "CREATE TABLE visitor ("
    "  id TEXT PRIMARY KEY CHECK (length(id) = 64),"
    "  created BIGINT NOT NULL) " BKS_DB_CLUSTERED ";"

    "CREATE TABLE shop_order ("
    "  number TEXT PRIMARY KEY CHECK (length(number) = 32),"
    "  visitor TEXT NOT NULL REFERENCES visitor (id),"
    "  email TEXT NOT NULL DEFAULT '',"
    "  currency TEXT NOT NULL,"
    "  total BIGINT NOT NULL CHECK (total > 0),"
    "  livemode BIGINT NOT NULL,"
    "  cancelled BIGINT NOT NULL DEFAULT 0,"
    "  created BIGINT NOT NULL,"
    "  placed BIGINT NOT NULL DEFAULT 0,"
    "  received BIGINT NOT NULL DEFAULT 0 CHECK (received >= 0),"
    "  paid BIGINT NOT NULL DEFAULT 0,"
    "  pending BIGINT NOT NULL DEFAULT 0,"
    "  failed BIGINT NOT NULL DEFAULT 0,"
    "  failure TEXT NOT NULL DEFAULT '',"
    "  mismatch TEXT NOT NULL DEFAULT '') " BKS_DB_CLUSTERED ";"

    "CREATE TABLE order_line ("
    "  number TEXT NOT NULL REFERENCES shop_order (number),"
    "  position BIGINT NOT NULL,"
    "  book TEXT NOT NULL,"
    "  variant TEXT NOT NULL,"
    "  title TEXT NOT NULL,"
    "  authors TEXT NOT NULL,"
    "  cover TEXT NOT NULL,"
    "  quantity BIGINT NOT NULL CHECK (quantity > 0),"
    "  unit_price BIGINT NOT NULL CHECK (unit_price > 0),"
    "  total BIGINT NOT NULL CHECK (total > 0),"
    "  PRIMARY KEY (number, position)) " BKS_DB_CLUSTERED ";"

    /* The key and the exact body are saved before Stripe is called: a repeat sends the same bytes. */
    "CREATE TABLE payment ("
    "  number TEXT NOT NULL REFERENCES shop_order (number),"
    "  attempt BIGINT NOT NULL,"
    "  visitor TEXT NOT NULL REFERENCES visitor (id),"
    "  idempotency_key TEXT NOT NULL,"
    "  body TEXT NOT NULL,"
    "  intent TEXT UNIQUE,"
    "  state TEXT NOT NULL CHECK (state IN ('creating', 'open', 'over')),"
    "  bag TEXT NOT NULL,"
    "  amount BIGINT NOT NULL CHECK (amount > 0),"
    "  currency TEXT NOT NULL,"
    "  livemode BIGINT NOT NULL,"
    "  seen BIGINT NOT NULL DEFAULT 0,"
    "  created BIGINT NOT NULL,"
    "  PRIMARY KEY (number, attempt)) " BKS_DB_CLUSTERED ";"
    /* One open payment per visitor, whatever races. */
    "CREATE UNIQUE INDEX payment_open ON payment (visitor) WHERE state <> 'over';";

/* An event of Stripe's has its effect once: its id is saved in the transaction of the effect. */
static const char events_once[] =
    "CREATE TABLE event ("
    "  id TEXT PRIMARY KEY,"
    "  type TEXT NOT NULL,"
    "  received BIGINT NOT NULL) " BKS_DB_CLUSTERED ";";

/* When the reconciliation looks at a payment next; 0: there is nothing more to learn. Looks come at growing distances, so
 * that the index is short at its near end. */
static const char looks_again[] =
    "ALTER TABLE payment ADD COLUMN next_look BIGINT NOT NULL DEFAULT 0;"
    "CREATE INDEX payment_next_look ON payment (next_look) WHERE next_look > 0;"
    "UPDATE payment SET next_look = created WHERE state <> 'over';";

static const bks_migration_t migrations[] = {
    {1, "first purchase", first_purchase},
    {2, "events once", events_once},
    {3, "looks again", looks_again},
};

const bks_error_t *bks_schema_bring_up(bks_db_t *db, apr_pool_t *pool)
{
    return bks_migrate(db, migrations, (int)(sizeof(migrations) / sizeof(migrations[0])), pool);
}
