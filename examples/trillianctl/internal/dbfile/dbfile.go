// Package dbfile opens and locks files by SQLite.
package dbfile

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Open opens the database at path, whatever characters that has, with the driver's
// parameters.
func Open(path string, params url.Values) (*sql.DB, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(full), RawQuery: params.Encode()}
	if !strings.HasPrefix(dsn.Path, "/") { // a drive letter
		dsn.Path = "/" + dsn.Path
	}
	return sql.Open("sqlite", dsn.String())
}

// Make makes a file for its owner's eyes where there is none: what SQLite puts beside
// it is so too. One that is there is not opened: closing it would release the locks
// that this process has on it.
func Make(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return fmt.Errorf("%s is a directory", path)
		}
		return nil
	case err != nil:
		return err
	}
	return f.Close()
}

// ErrLocked says that another run works on the same file.
var ErrLocked = errors.New("another run is at work on it")

// Lock keeps others from locking the same file until it is released, or this process
// ends in whatever way. It is SQLite's own lock, which every system has, on an empty
// database beside the file, of its name and ".lock". That stays: removing it would let
// two hold locks on two files of one name.
func Lock(path string) (release func(), err error) {
	lock := path + ".lock"
	if err := Make(lock); err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	db, err := Open(lock, nil)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // whose transaction lasts until it is closed
	if _, err = db.Exec("BEGIN EXCLUSIVE"); err == nil {
		return func() { _ = db.Close() }, nil
	}
	_ = db.Close()
	if Is(err, sqlite3.SQLITE_BUSY) {
		return nil, fmt.Errorf("%s: %w", path, ErrLocked)
	}
	return nil, fmt.Errorf("locking %s: %w", path, err)
}

// Is reports whether an error is SQLite's of this primary code.
func Is(err error, code int) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xFF == code
}
