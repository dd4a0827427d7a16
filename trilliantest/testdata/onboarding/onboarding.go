// Package onboarding is a program that uses the client, as its users write them.
package onboarding

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/trillian-go/trillian"
)

// Newcomer says who begins, and where.
type Newcomer struct {
	IM       string
	Password trillian.Secret
	Chats    []string
	Group    int
	Policy   int
	Greeter  string
}

// Messages are the two methods of *trillian.MessagesService that greeting needs.
type Messages interface {
	Conversations(ctx context.Context, owner string) ([]trillian.Conversation, error)
	Send(ctx context.Context, owner string, message trillian.MessageSend) (*trillian.Message, error)
}

// Onboard creates the user, adds it to its chats, sets the policy of its group,
// and greets it.
func Onboard(ctx context.Context, admin *trillian.Client, greeter Messages, n Newcomer) error {
	if _, err := admin.Users.Create(ctx, trillian.UserCreate{IM: n.IM, Password: n.Password}); err != nil {
		return fmt.Errorf("creating %s: %w", n.IM, err)
	}
	for _, chat := range n.Chats {
		if _, err := admin.GroupChats.Members.Add(ctx, chat, n.IM); err != nil {
			return fmt.Errorf("adding %s to %s: %w", n.IM, chat, err)
		}
	}
	if _, err := admin.Groups.Update(ctx, n.Group, trillian.GroupUpdate{Policy: &n.Policy}); err != nil {
		return fmt.Errorf("setting the policy of group %d: %w", n.Group, err)
	}
	return Greet(ctx, greeter, n.Greeter, n.IM)
}

// Greet sends one welcome. Where it cannot know whether that arrived, it looks.
func Greet(ctx context.Context, m Messages, from, to string) error {
	_, err := m.Send(ctx, to, trillian.MessageSend{From: from, Text: "Welcome!"})
	if !errors.Is(err, trillian.ErrOutcomeUnknown) {
		return err
	}
	conversations, lookErr := m.Conversations(ctx, to)
	if lookErr != nil {
		return errors.Join(err, lookErr)
	}
	if slices.ContainsFunc(conversations, func(c trillian.Conversation) bool { return c.Name == from }) {
		return nil // it arrived, and only its answer did not
	}
	_, err = m.Send(ctx, to, trillian.MessageSend{From: from, Text: "Welcome!"})
	return err
}
