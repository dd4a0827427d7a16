// Quickstart tours every service of the client. By itself it runs on an
// in-memory server with a sample company; with TRILLIAN_TOKEN (and
// TRILLIAN_BASE_URL) set it does its read-only half on that server.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

const (
	smw = "smw@cerulean-inc.com"
	kwk = "kwk@cerulean-inc.com"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if os.Getenv("TRILLIAN_TOKEN") != "" {
		client, err := trillian.NewClientFromEnv()
		exitOn(err)
		defer client.CloseIdleConnections()
		read(ctx, client)
		return
	}
	server, err := trilliantest.Start(trilliantest.WithSampleCompany())
	exitOn(err)
	defer server.Close()
	client := server.Client()
	read(ctx, client)
	write(ctx, client)
	talk(ctx, client, server.TokenFor(smw))
}

// read looks at every resource and changes none.
func read(ctx context.Context, client *trillian.Client) {
	fmt.Println("Server:", client.BaseURL())

	chats, err := client.GroupChats.List(ctx, &trillian.GroupChatOptions{Members: true})
	exitOn(err)
	for _, chat := range chats {
		fmt.Printf("\nGroup chat %q: %s\n  flags %v\n", chat.DisplayName, chat.Topic, chat.Flags)
		for _, member := range chat.Members.Items {
			fmt.Printf("  member %s (%v)\n", member.Name, member.Flags)
		}
	}

	fmt.Println("\nGroups, and the policies they are bound to:")
	policies := map[int]string{0: "(none)"}
	for policy, err := range client.Policies.All(ctx) {
		exitOn(err)
		policies[policy.ID] = policy.Name
	}
	for group, err := range client.Groups.All(ctx, &trillian.GroupOptions{Peers: true}) {
		exitOn(err)
		fmt.Printf("  %d %s: policy %q, %d peers\n", group.ID, group.DisplayName, policies[group.Policy], len(group.Peers.Items))
	}

	fmt.Println("\nPresence:")
	for presence, err := range client.Presence.All(ctx) {
		exitOn(err)
		for _, device := range presence.Devices {
			fmt.Printf("  %s is %v (%s) on %s at %v\n", presence.Name, presence.Status, presence.Message, device.Platform, device.IP)
		}
	}

	fmt.Println("\nUsers:")
	for user, err := range client.Users.All(ctx) {
		exitOn(err)
		fmt.Printf("  %s %s\n", user.Name, user.Email)
	}

	_, err = client.Users.Get(ctx, "nobody@example.com")
	if errors.Is(err, trillian.ErrNotFound) {
		fmt.Println("\nHandled:", err)
	}
}

// write edits a policy and takes a user from creation to deletion.
func write(ctx context.Context, client *trillian.Client) {
	policy, err := client.Policies.Get(ctx, 2)
	exitOn(err)
	fmt.Printf("\nPolicy %q before:\n%s", policy.Name, policy.Data)
	policy, err = client.Policies.Update(ctx, policy.ID, trillian.PolicyUpdate{
		Data: new(policy.Data.With("trillian.history.cloud", "0").Without("trillian.settings.contacts.groups")),
	})
	exitOn(err)
	fmt.Printf("and after:\n%s", policy.Data)

	chat, err := client.GroupChats.Create(ctx, trillian.GroupChatCreate{
		DisplayName: "Sales", Flags: trillian.GroupChatDisableList | trillian.GroupChatDisableTopicSet,
	})
	exitOn(err)
	user, err := client.Users.Create(ctx, trillian.UserCreate{IM: "new@cerulean-inc.com", Password: "correct horse", Email: "new@example.com"})
	exitOn(err)
	_, err = client.GroupChats.Members.Add(ctx, chat.Name, user.Name)
	exitOn(err)
	user, err = client.Users.Update(ctx, user.Name, trillian.UserUpdate{Email: new("newer@example.com")})
	exitOn(err)
	fmt.Printf("\n%s (%s) joined %q, which has %v\n", user.Name, user.Email, chat.DisplayName, chat.Flags)
	exitOn(client.Users.Delete(ctx, user.Name))
	_, err = client.Users.Get(ctx, user.Name)
	fmt.Println("and is gone again:", errors.Is(err, trillian.ErrNotFound))
}

// talk sends a message, which needs the sender's own token, and a file.
func talk(ctx context.Context, client *trillian.Client, senderToken string) {
	sender, err := client.WithToken(senderToken)
	exitOn(err)
	_, err = sender.Users.Messages.Send(ctx, kwk, trillian.MessageSend{From: smw, Text: "Hello from the API!"})
	exitOn(err)
	fmt.Println("\nThe history of", kwk)
	for message, err := range client.Users.Messages.History(ctx, kwk, nil) {
		exitOn(err)
		fmt.Printf("  %s %s: %s\n", message.Timestamp.Format(time.DateTime), message.From, message.Text)
	}

	file := []byte("Sell more, to more people, more often.\n")
	media, err := client.Users.Media.Upload(ctx, kwk, trillian.MediaUpload{Name: "goals.txt", Type: "text/plain", Data: bytes.NewReader(file)})
	exitOn(err)
	var copied bytes.Buffer
	info, err := client.Users.Media.Download(ctx, kwk, media.ID, &copied)
	exitOn(err)
	fmt.Printf("\nUploaded %s, downloaded %d bytes of %s: the same is %v\n", media.Name, info.Size, info.Type, bytes.Equal(file, copied.Bytes()))
}

func exitOn(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
