package trilliantest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/jarcoal/httpmock"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

const (
	alice = "smw@cerulean-inc.com"
	bob   = "kwk@cerulean-inc.com"
)

// messages is what greet needs of the client, declared where it is used: two
// methods that *trillian.MessagesService has.
type messages interface {
	Conversations(ctx context.Context, owner string) ([]trillian.Conversation, error)
	Send(ctx context.Context, owner string, message trillian.MessageSend) (*trillian.Message, error)
}

// greet is the program under test: it writes to whoever has never been written to.
func greet(ctx context.Context, m messages, from, to string) (string, error) {
	conversations, err := m.Conversations(ctx, to)
	if err != nil {
		return "", err
	}
	for _, c := range conversations {
		if c.Name == from {
			return "they know each other", nil
		}
	}
	_, err = m.Send(ctx, to, trillian.MessageSend{From: from, Text: "Welcome!"})
	if errors.Is(err, trillian.ErrOutcomeUnknown) {
		return "perhaps greeted: look before you send again", nil
	}
	return "greeted", err
}

// A server in memory keeps state, and fails as a network does.
func Example() {
	server, err := trilliantest.Start(trilliantest.WithSampleCompany()) // in a test: NewServer(t, …)
	if err != nil {
		panic(err)
	}
	defer server.Close()
	sender, err := server.Client().WithToken(server.TokenFor(alice))
	if err != nil {
		panic(err)
	}
	server.Inject("POST /users/{user}/messages/", trilliantest.DropAfter()) // carried out, never answered

	for range 2 {
		fmt.Println(greet(context.Background(), sender.Users.Messages, alice, bob))
	}
	// Output:
	// perhaps greeted: look before you send again <nil>
	// they know each other <nil>
}

// stranger is a hand-written fake of the two methods.
type stranger struct{ sent []string }

func (s *stranger) Conversations(context.Context, string) ([]trillian.Conversation, error) {
	return nil, nil
}

func (s *stranger) Send(_ context.Context, owner string, m trillian.MessageSend) (*trillian.Message, error) {
	s.sent = append(s.sent, owner+": "+m.Text)
	return &trillian.Message{From: m.From, Text: m.Text}, nil
}

// An interface of the program's own needs no server, and no client.
func Example_interface() {
	fake := &stranger{}
	fmt.Println(greet(context.Background(), fake, alice, bob))
	fmt.Println(fake.sent)
	// Output:
	// greeted <nil>
	// [kwk@cerulean-inc.com: Welcome!]
}

// A canned answer shows what the program makes of one particular text.
func Example_httpmock() {
	answer, err := os.ReadFile("../testdata/groupchats-messages-conversations.xml")
	if err != nil {
		panic(err)
	}
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder(http.MethodGet, `=~/v1/users/.*/messages/`, httpmock.NewBytesResponder(http.StatusOK, answer))
	client, err := trillian.NewClient("token", trillian.WithHTTPClient(&http.Client{Transport: mock}))
	if err != nil {
		panic(err)
	}
	fmt.Println(greet(context.Background(), client.Users.Messages, trilliantest.SampleLaunch, bob))
	fmt.Println(mock.GetTotalCallCount(), "request")
	// Output:
	// they know each other <nil>
	// 1 request
}
