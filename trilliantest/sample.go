package trilliantest

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/trillian-go/trillian"
)

// The names of the sample company's group chats and conversation.
const (
	SampleGeneral      = "#e777b98d42ae25754f3ae6bd2847dc8967ae8c5c@cerulean-inc.com"
	SampleDevelopment  = "#68f04b7ecef949cbf7d775f3c18c4e2c50b98969@cerulean-inc.com"
	SampleLaunch       = "#5b8fa79923cddcc8be3060bad620442f40749db6@cerulean-inc.com" // owns the sample's messages and media
	SampleConversation = "c798b870f797b37878fe19cf05198f50d88273dd"                   // of SampleLaunch
)

// sampleNextChat is the hash in the name of the chat that the reference creates.
const sampleNextChat = "bf1fe6f61bd917cc5dae911945b6dec415dbe9aa"

const (
	sampleSMW = "smw@cerulean-inc.com"
	sampleKWK = "kwk@cerulean-inc.com"
)

// WithSampleCompany fills the server with the reference's sample company,
// cerulean-inc.com, as it is before the reference changes anything. Asked the
// same, the server then answers what the reference prints.
//
// The reference's list of group chats does not have the one that owns its
// messages and media, whose name it never tells: [SampleLaunch] is left out of
// the list too, and reached by its name.
func WithSampleCompany() Option {
	options := []Option{
		WithUsers(
			trillian.User{Name: sampleSMW, Email: sampleSMW, DisplayName: "SMW"},
			trillian.User{Name: sampleKWK, Email: sampleKWK, DisplayName: "KWK"},
		),
		WithGroupChats(
			sampleChat(SampleGeneral, "General", 7936, "Welcome to Cerulean HQ!"),
			sampleChat(SampleDevelopment, "Development", 256, "Developers, developers, developers, developers!"),
			sampleChat(SampleLaunch, "Stage 3 Launch", 0, "Sales goals and mockups for stage 3"),
		),
		WithPolicies(
			trillian.Policy{ID: 1, Name: "cerulean-inc.com", Data: samplePolicy1},
			trillian.Policy{ID: 2, Name: "IT", Data: samplePolicy2},
		),
		WithGroups(
			sampleGroup(1, "cerulean-inc.com", "cerulean-inc.com"),
			sampleGroup(2, "Sales", "66e71868b7810c7937ec862373a764e6ed36bcaf"),
			sampleGroup(3, "Marketing", "0c1f49b8d8125e8218c00fd37600d34b80d37f0b"),
		),
		WithPresence(trillian.Presence{
			Name: sampleSMW, Status: trillian.PresenceAway, Message: "Away since 10:49 AM EDT",
			Timestamp: trillian.Timestamp{Time: time.Unix(1464274162, 0)},
			Devices: []trillian.Device{{
				IP: trillian.DeviceIP{Addr: netip.AddrFrom4([4]byte{192, 168, 1, 138})}, Name: "BONECRUSHER.D899F043",
				Platform: "Windows", Version: "6.0", Build: "50",
			}},
		}),
		WithMessages(SampleLaunch, SampleConversation,
			sampleMessage(1464200972389, sampleSMW, "This is a test of our new group chat."),
			sampleMessage(1464200982855, sampleKWK, "Looks like it's working."),
			sampleMessage(1464200982855, sampleSMW, "Great - have a lovely day!"),
		),
		seed(func(st *state, _ time.Time) error {
			launch := st.addChat(SampleLaunch)
			launch.unlisted = true
			for _, f := range sampleMedia() {
				st.addMedia(&launch.owner, f)
			}
			st.nextChat = sampleNextChat
			return nil
		}),
	}
	return func(set *settings) {
		for _, option := range options {
			option(set)
		}
	}
}

func sampleChat(name, displayName string, flags trillian.GroupChatFlags, topic string) trillian.GroupChat {
	return trillian.GroupChat{
		Name: name, DisplayName: displayName, Flags: flags, Topic: topic,
		Members: trillian.Collection[trillian.Member]{Items: []trillian.Member{
			{Name: sampleSMW, Flags: trillian.MemberOp},
			{Name: sampleKWK, Flags: trillian.MemberOp | trillian.MemberVoice},
		}},
	}
}

func sampleGroup(id int, displayName, name string) trillian.Group {
	return trillian.Group{
		ID: id, DisplayName: displayName, Name: name, Policy: 1,
		Peers: trillian.Collection[trillian.Peer]{Items: []trillian.Peer{{ID: 1}, {ID: 2}, {ID: 3}}},
	}
}

func sampleMessage(at int64, from, text string) trillian.Message {
	return trillian.Message{Timestamp: trillian.Timestamp{Time: time.UnixMilli(at)}, From: from, Text: text}
}

const (
	samplePolicy1 = `trillian.filetransfer server
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
`
	samplePolicy2 = `trillian.history.cloud 1
trillian.history.disclaimer.frequency 1440
trillian.settings.contacts.groups server
`
)

// sampleMedia has the ids and hashes that the reference prints. What is in the
// files it does not show: they are of the size and the type it prints, made up,
// and so not of its hashes.
func sampleMedia() []file {
	return []file{{
		id: "oaoE1007PaKuresDf88IEcxJ6xsFWS/SuLWP/kzzIjs=", name: "Sales Goals.txt", mediaType: "text/plain",
		content: []byte("Goals\n"), createdAt: 1464196567,
		thumbnailHash: "CdKtFMRivzsnZ0N8r6L/rnLUsfvMh4D6By9zvbNZMJQ=", dataHash: "15CtxdA8qY5XzScZvkOFxgP3nwm8W6cd9sohnOiIw/w=",
	}, {
		id: "ZZQbFbiyRJ1IJdlIkaQkIwXkDFa2K8NKmC+3pwjR7wU=", name: "Stage 3 Mockup.jpg", mediaType: "image/jpeg",
		content: sampleImage(), createdAt: 1464196628,
		thumbnailHash: "+O4CeLzBE7pYX0YVvhn449D3A2T7HS+E9lnuyR1D2vE=", dataHash: "2/DYBl/eBNjfv7oRayHjIljey2c+zZWv19AqZ8SvDRE=",
	}}
}

// sampleImage begins and ends as a JPEG file does, with noise between that no
// compression or text conversion leaves as it is. All servers share it.
var sampleImage = sync.OnceValue(func() []byte {
	const size = 77998
	image := append(make([]byte, 0, size), "\xFF\xD8\xFF\xE0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"...)
	for noise := uint32(1); len(image) < size-2; {
		noise = noise*1664525 + 1013904223
		image = append(image, byte(noise>>24))
	}
	return slices.Clip(append(image, 0xFF, 0xD9))
})
