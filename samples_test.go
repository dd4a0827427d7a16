package trillian_test

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trillian-go/trillian"
)

// The values that the reference's samples stand for.

const policy1Base64 = "dHJpbGxpYW4uZmlsZXRyYW5zZmVyIHNlcnZlcgp0cmlsbGlhbi5oaXN0b3J5LmNsb3VkIDEKdHJpbGxpYW4uaGlzdG9yeS5kaXNjbGFpbWVyLmZyZXF1ZW5jeSAxNDQwCnRyaWxsaWFuLnBsdWdpbi5mYWNlYm9vayAwCnRyaWxsaWFuLnBsdWdpbi5mb3Vyc3F1YXJlIDAKdHJpbGxpYW4ucGx1Z2luLmlyYyAwCnRyaWxsaWFuLnBsdWdpbi5saW5rZWRpbiAwCnRyaWxsaWFuLnBsdWdpbi5tc24gMAp0cmlsbGlhbi5wbHVnaW4ubXlzcGFjZSAwCnRyaWxsaWFuLnBsdWdpbi5vc2NhciAwCnRyaWxsaWFuLnBsdWdpbi5yZW5kZXp2b3VzIDAKdHJpbGxpYW4ucGx1Z2luLnNreXBlIDAKdHJpbGxpYW4ucGx1Z2luLnR3aXR0ZXIgMAp0cmlsbGlhbi5wbHVnaW4ueG1wcCAwCnRyaWxsaWFuLnBsdWdpbi55YWhvbyAwCg=="

const (
	policy1 = trillian.PolicyData(`trillian.filetransfer server
trillian.history.cloud 1
trillian.history.disclaimer.frequency 1440
trillian.plugin.facebook 0
trillian.plugin.foursquare 0
trillian.plugin.irc 0
trillian.plugin.linkedin 0
trillian.plugin.msn 0
trillian.plugin.myspace 0
trillian.plugin.oscar 0
trillian.plugin.rendezvous 0
trillian.plugin.skype 0
trillian.plugin.twitter 0
trillian.plugin.xmpp 0
trillian.plugin.yahoo 0
`)
	policy2 = trillian.PolicyData(`trillian.history.cloud 1
trillian.history.disclaimer.frequency 1440
trillian.settings.contacts.groups server
`)
)

func millis(n int64) trillian.Timestamp  { return trillian.Timestamp{Time: time.UnixMilli(n).UTC()} }
func seconds(n int64) trillian.Timestamp { return trillian.Timestamp{Time: time.Unix(n, 0).UTC()} }

func sampleChat(name, displayName string, flags trillian.GroupChatFlags, topic string) trillian.GroupChat {
	const base = "https://api.trillian.im/v1/groupchats/.../"
	chat := trillian.GroupChat{Name: name, DisplayName: displayName, Flags: flags, Topic: topic}
	chat.Groups.Href = base + "groups/"
	chat.Media.Href = base + "media/"
	chat.Members.Href = base + "members/"
	chat.Messages.Href = base + "messages/"
	return chat
}

// generalChat has the media link as two of the samples print it, without a slash.
func generalChat() trillian.GroupChat {
	chat := sampleChat(general, "General", 7936, "Welcome to Cerulean HQ!")
	chat.Media.Href = "https://api.trillian.im/v1/groupchats/...media/"
	return chat
}

func developmentChat() trillian.GroupChat {
	return sampleChat("#68f04b7ecef949cbf7d775f3c18c4e2c50b98969@cerulean-inc.com", "Development", 256,
		"Developers, developers, developers, developers!")
}

func salesChat() trillian.GroupChat {
	return sampleChat("#bf1fe6f61bd917cc5dae911945b6dec415dbe9aa@cerulean-inc.com", "Sales", 0, "")
}

func withMediaSlash(chat trillian.GroupChat) trillian.GroupChat {
	chat.Media.Href = strings.Replace(chat.Media.Href, "...media", ".../media", 1)
	return chat
}

func withTopic(chat trillian.GroupChat, topic string) trillian.GroupChat {
	chat.Topic = topic
	return chat
}

func sampleGroup(id int) trillian.Group {
	group := []trillian.Group{
		{ID: 1, DisplayName: "cerulean-inc.com", Name: "cerulean-inc.com", Policy: 1},
		{ID: 2, DisplayName: "Sales", Name: "66e71868b7810c7937ec862373a764e6ed36bcaf", Policy: 1},
		{ID: 3, DisplayName: "Marketing", Name: "0c1f49b8d8125e8218c00fd37600d34b80d37f0b", Policy: 1},
	}[id-1]
	group.Peers.Href = "https://api.trillian.im/v1/groups/" + string(rune('0'+id)) + "/peers/"
	return group
}

func createdGroup() trillian.Group {
	return trillian.Group{
		ID: 4, DisplayName: "Development", Name: "f7ff9e8b7bb2e09b70935a5d785e0cc5d9d0abf0", Policy: 1,
		Peers: trillian.Collection[trillian.Peer]{
			Href: "https://api.trillian.im/v1/groups/4/peers/", Items: []trillian.Peer{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 4}},
		},
	}
}

func withPolicy(group trillian.Group, policy int) trillian.Group {
	group.Policy = policy
	return group
}

func sampleMedia() []trillian.Media {
	const owner = "#5b8fa79923cddcc8be3060bad620442f40749db6@cerulean-inc.com"
	return []trillian.Media{
		{
			ID: item, CreatedAt: seconds(1464196567), Size: 6, Owner: owner, Type: "text/plain", Name: "Sales Goals.txt",
			Thumbnail: "CdKtFMRivzsnZ0N8r6L/rnLUsfvMh4D6By9zvbNZMJQ=", Data: "15CtxdA8qY5XzScZvkOFxgP3nwm8W6cd9sohnOiIw/w=",
		},
		{
			ID: "ZZQbFbiyRJ1IJdlIkaQkIwXkDFa2K8NKmC+3pwjR7wU=", CreatedAt: seconds(1464196628), Size: 77998, Owner: owner,
			Type: "image/jpeg", Name: "Stage 3 Mockup.jpg",
			Thumbnail: "+O4CeLzBE7pYX0YVvhn449D3A2T7HS+E9lnuyR1D2vE=", Data: "2/DYBl/eBNjfv7oRayHjIljey2c+zZWv19AqZ8SvDRE=",
		},
	}
}

func sampleConversation() trillian.Conversation {
	return trillian.Conversation{
		ID: history, Medium: "astra", Name: "#5b8fa79923cddcc8be3060bad620442f40749db6@cerulean-inc.com", Revision: 3,
		Weeks: []trillian.MessageWeek{{
			Conversation: history, Year: 2016, Week: 20, Count: 3, Flags: 2,
			Href: "https://api.trillian.im/v1/groupchats/.../messages/" + history + "/2016/20/",
		}},
	}
}

func sampleMessages() []trillian.Message {
	return []trillian.Message{
		{Timestamp: millis(1464200972389), From: smw, Text: "This is a test of our new group chat.", Conversation: history},
		{Timestamp: millis(1464200982855), From: kwk, Text: "Looks like it's working.", Conversation: history},
		{Timestamp: millis(1464200982855), From: smw, Text: "Great - have a lovely day!", Conversation: history},
	}
}

func samplePresence() trillian.Presence {
	return trillian.Presence{
		Name: smw, Status: trillian.PresenceAway, Message: "Away since 10:49 AM EDT", Timestamp: seconds(1464274162),
		Devices: []trillian.Device{{
			IP: trillian.DeviceIP{Addr: netip.AddrFrom4([4]byte{192, 168, 1, 138})}, Name: "BONECRUSHER.D899F043",
			Platform: "Windows", Version: "6.0", Build: "50",
		}},
	}
}

// TestSampleFacts writes out, as a person reads them, what the values above are
// computed from.
func TestSampleFacts(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2016-05-25 18:29:32.389 +0000 UTC", sampleMessages()[0].Timestamp.String())
	require.Equal(t, "2016-05-25 17:16:07 +0000 UTC", sampleMedia()[0].CreatedAt.String())
	require.True(t, sampleMedia()[0].ExpiresAt.IsZero())
	require.Equal(t, "192.168.1.138", samplePresence().Devices[0].IP.String())
	require.Equal(t, "DISABLE_DISPLAYNAME_SET|DISABLE_TOPIC_SET|DISABLE_LIST|DISABLE_MEMBER_ADD|DISABLE_MEMBER_REMOVE", generalChat().Flags.String())

	items := 0
	for range policy1.Items() {
		items++
	}
	require.Equal(t, 15, items)
	frequency, ok := policy1.Get("trillian.history.disclaimer.frequency")
	require.True(t, ok)
	require.Equal(t, "1440", frequency)
	require.Equal(t, policy1Base64, base64.StdEncoding.EncodeToString([]byte(policy1)))
}
