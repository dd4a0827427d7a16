package main

import "context"

// untilInterrupt does what waits for somebody to type, until the context ends: that is
// all that an interrupt does, and it ends no Read. What waits is then left to the end of
// the program.
func untilInterrupt[T any](ctx context.Context, wait func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := wait()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// input is standard input until an interrupt.
type input struct{ *app }

func (in input) Read(p []byte) (int, error) {
	text, err := untilInterrupt(in.ctx, func() ([]byte, error) {
		own := make([]byte, len(p)) // what is left behind must not write into p
		n, err := in.stdin.Read(own)
		return own[:n], err
	})
	return copy(p, text), err
}
