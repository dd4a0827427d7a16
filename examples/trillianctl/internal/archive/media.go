package archive

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/trillian-go/trillian"
)

// files is the directory of an archive's files, each under its SHA-256: one that is
// there is whole.
type files struct {
	dir   string
	count atomic.Int64 // of those that were begun
}

func filesOf(path string) *files { return &files{dir: path + ".media"} }

const incoming = "incoming" // the directory of those that are not whole yet

// path is where the file with a hash is.
func (f *files) path(sum string) string { return filepath.Join(f.dir, sum[:2], sum) }

// has reports whether a file is there, by its size.
func (f *files) has(sum string, size int64) bool {
	info, err := os.Stat(f.path(sum))
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// clean removes what an earlier run has left unfinished.
func (f *files) clean() error { return os.RemoveAll(filepath.Join(f.dir, incoming)) }

// add stores the file that fetch writes to the path it is given, and returns its hash.
func (f *files) add(fetch func(path string) error) (sum string, err error) {
	dir := filepath.Join(f.dir, incoming)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, strconv.FormatInt(f.count.Add(1), 10))
	if err := fetch(path); err != nil {
		return "", err
	}
	if sum, err = hashFile(path); err != nil {
		return "", err
	}
	to := f.path(sum)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return "", err
	}
	if err := os.Rename(path, to); err != nil {
		return "", err
	}
	return sum, syncDir(filepath.Dir(to))
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// syncDir makes a file's new name survive a power failure, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

// keepMedia writes down a file that is listed, and whether it is to be downloaded.
func (r *run) keepMedia(ctx context.Context, tx *transaction, o owner, m trillian.Media) error {
	var size int64
	var sum sql.NullString
	err := tx.get(ctx, "SELECT size, sha256 FROM media WHERE owner = ? AND item = ?", []any{o.id, m.ID}, &size, &sum)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if sum.Valid && (size != m.Size || !r.files.has(sum.String, size)) {
		sum = sql.NullString{}
	}
	err = tx.exec(ctx, `INSERT INTO media (owner, item, run, created_at, expires_at, size, type, name, thumbnail, data, fields, sha256)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (owner, item) DO UPDATE SET run = excluded.run, created_at = excluded.created_at, expires_at = excluded.expires_at,
			size = excluded.size, type = excluded.type, name = excluded.name, thumbnail = excluded.thumbnail, data = excluded.data,
			fields = excluded.fields, sha256 = excluded.sha256`,
		o.id, m.ID, r.id, seconds(m.CreatedAt.Time), seconds(m.ExpiresAt.Time), m.Size, m.Type, m.Name, m.Thumbnail, m.Data, fieldsJSON(m.Fields), sum)
	return err
}

// mediaToGet is a file to be downloaded.
type mediaToGet struct {
	id    int64
	owner string
	item  trillian.Media
}

// media downloads the files that the archive has not.
func (r *run) media(ctx context.Context) error {
	if err := r.files.clean(); err != nil {
		return err
	}
	total, done := int64(0), int64(0)
	for m, err := range r.mediaToGet(ctx) {
		if err != nil {
			return err
		}
		total += m.item.Size
	}
	fetch := func(ctx context.Context, m mediaToGet) (string, error) {
		return r.files.add(func(path string) error {
			_, err := attachments(r.client, m.owner).DownloadFile(ctx, m.owner, m.item, path)
			return err
		})
	}
	what := func(m mediaToGet) string { return fmt.Sprintf("file %s of %s", m.item.ID, m.owner) }
	err := pipeline(ctx, r.opts.Concurrency, r.mediaToGet(ctx), fetch, func(all []fetched[mediaToGet, string]) error {
		err := store(ctx, r, all, what, func(tx *transaction, got []fetched[mediaToGet, string]) error {
			for _, f := range got {
				if err := tx.exec(ctx, "UPDATE media SET sha256 = ? WHERE id = ?", f.result, f.task.id); err != nil {
					return err
				}
				r.result.Files++
				r.result.Bytes += f.task.item.Size
			}
			return nil
		})
		for _, f := range all {
			done += f.task.item.Size
		}
		r.progress(Files, done, total)
		return err
	})
	return errors.Join(err, r.files.clean())
}

// mediaToGet yields the files that are listed now and not yet archived.
func (r *run) mediaToGet(ctx context.Context) iter.Seq2[mediaToGet, error] {
	all := pages(ctx, r.db, `SELECT m.id, o.name, m.item, m.created_at, m.size, m.type FROM media m JOIN owners o ON o.id = m.owner
		WHERE m.sha256 IS NULL AND m.run = ? AND m.id > ? ORDER BY m.id`,
		func(rows *sql.Rows, m *mediaToGet) error {
			var at int64
			err := rows.Scan(&m.id, &m.owner, &m.item.ID, &at, &m.item.Size, &m.item.Type)
			m.item.CreatedAt.Time = timeOf(at * 1000)
			return err
		},
		func(m mediaToGet) int64 { return m.id }, r.id)
	return func(yield func(mediaToGet, error) bool) {
		for m, err := range all {
			if at := m.item.CreatedAt.Time; err == nil && !at.IsZero() && !r.opts.covers(at) {
				continue
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

func (o *Options) covers(t time.Time) bool {
	return (o.Since.IsZero() || !t.Before(o.Since)) && (o.Until.IsZero() || t.Before(o.Until))
}
