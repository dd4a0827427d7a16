package main

import (
	"testing"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// A group need not be bound to a policy: the tour of a real server must not end there,
// which it would with the whole test.
func TestReadOfAGroupWithoutAPolicy(t *testing.T) {
	t.Parallel()
	server := trilliantest.NewServer(t, trilliantest.WithSampleCompany(), trilliantest.WithGroups(trillian.Group{DisplayName: "Guests"}))
	read(t.Context(), server.Client())
}
