package archive

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
)

const pageSize = 500

// pages yields what a query finds, a page at a time, so that no query stays open
// while something else is done, and memory does not grow with its answer. The query
// ends in the order of a key that it compares with its last parameter.
func pages[T any](ctx context.Context, db *database, query string, scan func(*sql.Rows, *T) error, key func(T) int64, params ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		last := int64(-1 << 63)
		for {
			page, err := queryAll(ctx, db, scan, fmt.Sprintf("%s LIMIT %d", query, pageSize), append(params[:len(params):len(params)], last)...)
			if err != nil {
				yield(none, err)
				return
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
				last = key(v)
			}
			if len(page) < pageSize {
				return
			}
		}
	}
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// queryAll returns all that a query finds.
func queryAll[T any](ctx context.Context, q querier, scan func(*sql.Rows, *T) error, query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}
