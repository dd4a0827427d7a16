package archive

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/trillian-go/trillian/examples/trillianctl/internal/dbfile"
)

//go:embed schema.sql
var schema string

const (
	applicationID = 0x54724172 // "TrAr": a database that is an archive
	schemaVersion = 1
)

type database struct{ *sql.DB }

// openToWrite opens an archive, and makes one where there is no file, or an empty
// one.
func openToWrite(ctx context.Context, path string) (*database, error) {
	if err := dbfile.Make(path); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	db, err := open(path, url.Values{
		"_pragma": {"busy_timeout(10000)", "synchronous(NORMAL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	})
	if err != nil {
		return nil, err
	}
	if err := db.prepare(ctx, path); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

// openToRead opens an archive that there is.
func openToRead(ctx context.Context, path string) (*database, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("archive: there is no %s: %w", path, fs.ErrNotExist)
	}
	db, err := open(path, url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)"}})
	if err != nil {
		return nil, err
	}
	switch version, err := db.version(ctx, path); {
	case err != nil:
		_ = db.Close()
		return nil, err
	case version == 0:
		_ = db.Close()
		return nil, fmt.Errorf("archive: %s is empty", path)
	}
	return db, nil
}

func open(path string, params url.Values) (*database, error) {
	db, err := dbfile.Open(path, params)
	if err != nil {
		return nil, err
	}
	return &database{db}, nil
}

// prepare makes the tables of a new archive, all or none.
func (db *database) prepare(ctx context.Context, path string) error {
	version, err := db.version(ctx, path)
	if err != nil || version != 0 {
		return err
	}
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil { // it stays so
		return err
	}
	return db.change(ctx, func(tx *transaction) error {
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;\n%s", applicationID, schemaVersion, schema))
		return err
	})
}

// version is that of an archive's tables, 0 where it has none yet.
func (db *database) version(ctx context.Context, path string) (int, error) {
	var application, version, tables int
	err := db.QueryRowContext(ctx, `SELECT
		(SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&application, &version, &tables)
	switch {
	case dbfile.Is(err, sqlite3.SQLITE_NOTADB):
		return 0, fmt.Errorf("archive: %s is not an archive", path)
	case err != nil:
		return 0, fmt.Errorf("archive: opening %s: %w", path, err)
	case application == 0 && version == 0 && tables == 0:
		return 0, nil
	case application != applicationID:
		return 0, fmt.Errorf("archive: %s is a database, but not an archive", path)
	case version != schemaVersion:
		return 0, fmt.Errorf("archive: %s has version %d of the tables, and this program knows version %d", path, version, schemaVersion)
	}
	return version, nil
}

// transaction is one whose statements are prepared once, however often they are used.
type transaction struct {
	*sql.Tx
	prepared map[string]*sql.Stmt
}

// change makes changes that are kept all or none.
func (db *database) change(ctx context.Context, do func(*transaction) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := do(&transaction{tx, map[string]*sql.Stmt{}}); err != nil {
		return err
	}
	return tx.Commit() // which closes its statements
}

func (tx *transaction) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := tx.prepared[query]; s != nil {
		return s, nil
	}
	s, err := tx.PrepareContext(ctx, query)
	if err == nil {
		tx.prepared[query] = s
	}
	return s, err
}

func (tx *transaction) exec(ctx context.Context, query string, args ...any) error {
	s, err := tx.prepare(ctx, query)
	if err == nil {
		_, err = s.ExecContext(ctx, args...)
	}
	return err
}

// get reads the first row that a query finds.
func (tx *transaction) get(ctx context.Context, query string, args []any, to ...any) error {
	s, err := tx.prepare(ctx, query)
	if err == nil {
		err = s.QueryRowContext(ctx, args...).Scan(to...)
	}
	return err
}

// QueryContext is Tx's, with a statement that is prepared once.
func (tx *transaction) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := tx.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}
