package trillian_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

// company starts a server with the sample company, for the examples.
func company() (*trilliantest.Server, *trillian.Client) {
	server, err := trilliantest.Start(trilliantest.WithSampleCompany())
	if err != nil {
		panic(err)
	}
	return server, server.Client()
}

func ExampleNewClient() {
	client, err := trillian.NewClient("the token", trillian.WithBaseURL("https://im.example.com/v1"))
	fmt.Println(client, err)
	_, err = trillian.NewClient("the token", trillian.WithBaseURL("im.example.com:8443"))
	fmt.Println(err)
	// Output:
	// trillian.Client(https://im.example.com/v1/) <nil>
	// trillian: base URL has no scheme: write https:// before the host
}

func ExampleUsersService_All() {
	server, client := company()
	defer server.Close()
	for user, err := range client.Users.All(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(user.Name)
	}
	// Output:
	// smw@cerulean-inc.com
	// kwk@cerulean-inc.com
}

func ExampleClient_WithToken() {
	server, client := company()
	defer server.Close()
	hello := trillian.MessageSend{From: smw, Text: "Hello"}

	_, err := client.Users.Messages.Send(context.Background(), kwk, hello)
	fmt.Println(errors.Is(err, trillian.ErrUnauthorized))

	sender, err := client.WithToken(server.TokenFor(smw))
	if err != nil {
		fmt.Println(err)
		return
	}
	message, err := sender.Users.Messages.Send(context.Background(), kwk, hello)
	fmt.Println(message.Text, err)
	// Output:
	// true
	// Hello <nil>
}

func ExamplePolicyData_With() {
	data := trillian.PolicyData("trillian.history.cloud 1\ntrillian.plugin.irc 0\n")
	fmt.Print(data.With("trillian.history.cloud", "0").Without("trillian.plugin.irc"))
	// Output:
	// trillian.history.cloud 0
}

func ExampleGroupChatFlags() {
	flags := trillian.GroupChatDisableList.With(trillian.GroupChatDisableTopicSet)
	fmt.Println(flags, flags.Has(trillian.GroupChatDeleted))
	// Output:
	// DISABLE_TOPIC_SET|DISABLE_LIST false
}

func ExampleMessagesService_History() {
	server, client := company()
	defer server.Close()
	for message, err := range client.GroupChats.Messages.History(context.Background(), trilliantest.SampleLaunch, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(message.Timestamp.Format("15:04:05"), message.Text)
	}
	// Output:
	// 18:29:32 This is a test of our new group chat.
	// 18:29:42 Looks like it's working.
	// 18:29:42 Great - have a lovely day!
}

func ExampleMediaService_Upload() {
	server, client := company()
	defer server.Close()
	media, err := client.Users.Media.Upload(context.Background(), smw, trillian.MediaUpload{
		Name: "plan.txt", Type: "text/plain", Data: strings.NewReader("Sell more."),
	})
	fmt.Println(media.Name, media.Size, err)
	// Output:
	// plan.txt 10 <nil>
}

func ExampleError() {
	server, client := company()
	defer server.Close()
	_, err := client.Users.Get(context.Background(), "nobody@example.com")
	fmt.Println(errors.Is(err, trillian.ErrNotFound))
	fmt.Println(err)
	// Output:
	// true
	// trillian: GET users/nobody%40example.com/: 404 Not Found: no such user
}
