package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	migrateTimeout = time.Minute
	migrateLock    = 0x67_63_74_6c // "gctl": the advisory lock of those who migrate
)

// migrate applies the migrations that the database has not seen. Several
// instances may do so at once: an advisory lock makes all but the first wait,
// and they find nothing left to do.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	files, err := fs.Glob(migrations, "migrations/*.sql") // sorted
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d; SET LOCAL statement_timeout = 0", migrateTimeout.Milliseconds()))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", migrateLock); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS migrations (version int PRIMARY KEY)"); err != nil {
			return err
		}
		var applied int
		if err := tx.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM migrations").Scan(&applied); err != nil {
			return err
		}
		if applied > len(files) {
			return fmt.Errorf("schema version %d is newer than this program's %d", applied, len(files))
		}
		return apply(ctx, tx, files, applied)
	})
}

// apply runs the migrations behind those that were applied.
func apply(ctx context.Context, tx pgx.Tx, files []string, applied int) error {
	for i, name := range files[applied:] {
		script, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, string(script)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := tx.Exec(ctx, "INSERT INTO migrations (version) VALUES ($1)", applied+i+1); err != nil {
			return err
		}
	}
	return nil
}
