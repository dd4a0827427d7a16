package trillian_test

import (
	"context"
	"fmt"
	"time"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/trilliantest"
)

func ExampleGroupChatsService_List() {
	server, client := company()
	defer server.Close()
	chats, err := client.GroupChats.List(context.Background(), &trillian.GroupChatOptions{Members: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, chat := range chats {
		fmt.Println(chat.DisplayName, chat.Flags)
		for _, member := range chat.Members.Items {
			fmt.Println(" ", member.Name, member.Flags)
		}
	}
	// Output:
	// General DISABLE_DISPLAYNAME_SET|DISABLE_TOPIC_SET|DISABLE_LIST|DISABLE_MEMBER_ADD|DISABLE_MEMBER_REMOVE
	//   smw@cerulean-inc.com OP
	//   kwk@cerulean-inc.com OP|VOICE
	// Development DISABLE_DISPLAYNAME_SET
	//   smw@cerulean-inc.com OP
	//   kwk@cerulean-inc.com OP|VOICE
}

// A nil field is left alone.
func ExampleGroupChatsService_Update() {
	server, client := company()
	defer server.Close()
	chat, err := client.GroupChats.Update(context.Background(), trilliantest.SampleGeneral,
		trillian.GroupChatUpdate{Topic: new("Lunch at noon")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(chat.DisplayName, chat.Topic)
	// Output:
	// General Lunch at noon
}

func ExampleMembersService_Add() {
	server, client := company()
	defer server.Close()
	ctx := context.Background()
	chat, err := client.GroupChats.Create(ctx, trillian.GroupChatCreate{DisplayName: "Sales", Flags: trillian.GroupChatDisableList})
	if err != nil {
		fmt.Println(err)
		return
	}
	member, err := client.GroupChats.Members.Add(ctx, chat.Name, kwk)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(member.Name, member.Flags)
	// Output:
	// kwk@cerulean-inc.com 0
}

func ExampleGroupsService_Create() {
	server, client := company()
	defer server.Close()
	group, err := client.Groups.Create(context.Background(),
		trillian.GroupCreate{DisplayName: "Development", Name: "development", Policy: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(group.ID, group.DisplayName, len(group.Peers.Items), "peers")
	// Output:
	// 4 Development 4 peers
}

func ExamplePeersService_Remove() {
	server, client := company()
	defer server.Close()
	ctx := context.Background()
	if err := client.Groups.Peers.Remove(ctx, 2, 3); err != nil {
		fmt.Println(err)
		return
	}
	peers, err := client.Groups.Peers.List(ctx, 2)
	fmt.Println(len(peers), "peers", err)
	// Output:
	// 2 peers <nil>
}

// One item is changed, and every other stays byte for byte.
func ExamplePoliciesService_Update() {
	server, client := company()
	defer server.Close()
	ctx := context.Background()
	policy, err := client.Policies.Get(ctx, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	data := policy.Data.With("trillian.history.cloud", "0")
	policy, err = client.Policies.Update(ctx, policy.ID, trillian.PolicyUpdate{Data: &data})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(policy.Data)
	// Output:
	// trillian.history.cloud 0
	// trillian.history.disclaimer.frequency 1440
	// trillian.settings.contacts.groups server
}

func ExamplePresenceService_List() {
	server, client := company()
	defer server.Close()
	presences, err := client.Presence.List(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range presences {
		fmt.Println(p.Name, p.Status, p.Message)
		for _, device := range p.Devices {
			fmt.Println(" ", device.Name, device.Platform, device.IP)
		}
	}
	// Output:
	// smw@cerulean-inc.com AWAY Away since 10:49 AM EDT
	//   BONECRUSHER.D899F043 Windows 192.168.1.138
}

func ExampleUsersService_Create() {
	server, client := company()
	defer server.Close()
	user, err := client.Users.Create(context.Background(), trillian.UserCreate{
		IM: "ann@cerulean-inc.com", Password: "correct horse battery staple", Email: "ann@example.com",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user.Name, user.Email)
	// Output:
	// ann@cerulean-inc.com ann@example.com
}

func ExampleAvatarService_Set() {
	server, client := company()
	defer server.Close()
	ctx := context.Background()
	picture := []byte("\x89PNG\r\n\x1a\n and so on")
	if err := client.Users.Avatar.Set(ctx, smw, trillian.Avatar{Data: picture}); err != nil {
		fmt.Println(err)
		return
	}
	avatar, err := client.Users.Avatar.Get(ctx, smw)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(avatar.Type, len(avatar.Data), "bytes")
	// Output:
	// image/png 18 bytes
}

// Week by week, to commit each and go on from there: what is stored already is not
// asked for.
func ExampleMessagesService_Weeks() {
	server, client := company()
	defer server.Close()
	stored := map[string]int{} // messages, by week
	opts := &trillian.HistoryOptions{
		Only: func(w trillian.MessageWeek) bool {
			return stored[fmt.Sprint(w.Conversation, w.Year, w.Week)] != w.Count
		},
		Since:       time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC),
		Concurrency: 8,
	}
	for week, err := range client.GroupChats.Messages.Weeks(context.Background(), trilliantest.SampleLaunch, opts) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(week.Week.Year, week.Week.Week, len(week.Messages), "messages")
		stored[fmt.Sprint(week.Week.Conversation, week.Week.Year, week.Week.Week)] = week.Week.Count
	}
	// Output:
	// 2016 20 3 messages
}

// The last two, from the newest on.
func ExampleMessagesService_History_newestFirst() {
	server, client := company()
	defer server.Close()
	n := 0
	for message, err := range client.GroupChats.Messages.History(context.Background(), trilliantest.SampleLaunch, &trillian.HistoryOptions{NewestFirst: true}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(message.Text)
		if n++; n == 2 {
			break
		}
	}
	// Output:
	// Great - have a lovely day!
	// Looks like it's working.
}
