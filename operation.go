package trillian

import (
	"context"
	"strings"

	"github.com/trillian-go/trillian/internal/transport"
)

// Operation says what a request is part of, in few enough words for metrics and
// for the names of spans: nothing in it names a user, a chat or anything else of
// the caller's.
type Operation struct {
	// Name is the method that was called, such as "GroupChats.Members.Add". A method
	// that makes several calls names each: a history's weeks are fetched by
	// "Users.Messages.List". For [Client.Do] it is "Do".
	Name string

	// Method is the verb of the request.
	Method string

	// Route is the path below the base URL with its parameters unfilled, such as
	// "groupchats/:groupchat/:member/". For [Client.Do] it is the path if that is a
	// resource's and no more ("users/"), and "" otherwise: a longer one may name
	// somebody.
	Route string

	// Attempt counts the attempts of the call, from 1.
	Attempt int
}

// OperationOf returns the operation that a request belongs to, by the request's
// context, and whether it belongs to one: for a middleware, or for the transport of
// the HTTP client given by [WithHTTPClient].
func OperationOf(ctx context.Context) (Operation, bool) {
	call := transport.CallOf(ctx)
	if call == nil {
		return Operation{}, false
	}
	return Operation{Name: call.Name, Method: call.Verb(), Route: call.Route, Attempt: call.Attempt()}, true
}

// operationDo is the name of the operation that is not one of the reference's.
const operationDo = "Do"

// routeOfPath is the route of a path that the caller built.
func routeOfPath(path string) string {
	resource := strings.TrimSuffix(path, "/")
	if strings.ContainsFunc(resource, func(c rune) bool { return c < 'a' || c > 'z' }) {
		return ""
	}
	return path
}
