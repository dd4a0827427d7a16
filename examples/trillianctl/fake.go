package main

import (
	"strconv"
	"strings"

	"github.com/trillian-go/trillian/trilliantest"
)

func (a *app) isFake() bool { return a.fake || a.fakeScale != "" }

// startFake starts the server in memory. It has no port unless the options give
// it one by being TLS's.
func (a *app) startFake(opts ...trilliantest.Option) error {
	company := trilliantest.WithSampleCompany()
	if a.fakeScale != "" {
		users, chats, weeks, err := parseScale(a.fakeScale)
		if err != nil {
			return err
		}
		company = trilliantest.WithGeneratedCompany(users, chats, weeks)
	}
	if len(opts) == 0 {
		opts = []trilliantest.Option{trilliantest.WithoutListener()}
	}
	const kept = 1000 // requests: an archive asks for many, and nobody looks back on them
	var err error
	a.server, err = trilliantest.Start(append(opts, company, trilliantest.WithKeptRequests(kept))...)
	return err
}

// parseScale reads a scale such as 1000x50x100.
func parseScale(scale string) (users, chats, weeks int, err error) {
	parts := strings.Split(scale, "x")
	if len(parts) != 3 {
		return 0, 0, 0, usageErrorf("--fake-scale %s: want USERSxCHATSxWEEKS, such as 1000x50x100", scale)
	}
	var numbers [3]int
	for i, part := range parts {
		if numbers[i], err = strconv.Atoi(part); err != nil || numbers[i] < 1 || numbers[i] > 1_000_000 {
			return 0, 0, 0, usageErrorf("--fake-scale %s: %q is no number from 1 to 1000000", scale, part)
		}
	}
	return numbers[0], numbers[1], numbers[2], nil
}
