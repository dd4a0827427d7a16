package archive

import (
	"context"
	"iter"
	"sync"
)

// fetched is a task and what came of it.
type fetched[T, R any] struct {
	task   T
	result R
	err    error
}

// largestBatch is how many results are stored in one transaction at most.
const largestBatch = 32

// pipeline fetches what tasks asks for, n at once, and hands the results to store,
// by one goroutine and several together where they came faster than they were
// stored. What is in memory at a time is n results that wait and one batch.
//
// An error of store or of tasks ends it. One of fetch is for store to judge.
func pipeline[T, R any](ctx context.Context, n int, tasks iter.Seq2[T, error],
	fetch func(context.Context, T) (R, error), store func([]fetched[T, R]) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait() // no goroutine outlives this
	defer cancel()

	var errOfTasks error
	todo := make(chan T)
	running.Go(func() {
		defer close(todo)
		for task, err := range tasks {
			if errOfTasks = err; err != nil {
				return
			}
			select {
			case todo <- task:
			case <-ctx.Done():
				errOfTasks = ctx.Err()
				return
			}
		}
	})
	results := make(chan fetched[T, R], largestBatch)
	var fetching sync.WaitGroup
	for range n {
		fetching.Go(func() {
			for task := range todo {
				result, err := fetch(ctx, task)
				select {
				case results <- fetched[T, R]{task, result, err}:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	running.Go(func() {
		fetching.Wait()
		close(results)
	})

	batch := make([]fetched[T, R], 0, largestBatch)
	for first := range results {
		batch = append(batch[:0], first)
		for more := true; more && len(batch) < largestBatch; {
			select {
			case next, ok := <-results:
				if more = ok; ok {
					batch = append(batch, next)
				}
			default:
				more = false
			}
		}
		if err := store(batch); err != nil {
			return err
		}
		clear(batch) // their memory is not held until the next batch
	}
	if errOfTasks != nil { // todo was closed after it was set, and results after that
		return errOfTasks
	}
	return ctx.Err()
}
