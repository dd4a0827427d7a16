package trillian

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// GroupChatFlags is the set of options of a group chat, an unsigned 32-bit
// bitmask. Operators of a chat may change these flags and are not bound by them.
//
// Trillian API: Group Chats, "Create a group chat".
type GroupChatFlags uint32

// The documented group chat flags.
const (
	GroupChatDeleted               GroupChatFlags = 0x00000001 // GROUPCHAT_DELETED
	GroupChatDisableDisplayNameSet GroupChatFlags = 0x00000100 // GROUPCHAT_DISABLE_DISPLAYNAME_SET
	GroupChatDisableTopicSet       GroupChatFlags = 0x00000200 // GROUPCHAT_DISABLE_TOPIC_SET
	GroupChatDisableList           GroupChatFlags = 0x00000400 // GROUPCHAT_DISABLE_LIST
	GroupChatDisableMemberAdd      GroupChatFlags = 0x00000800 // GROUPCHAT_DISABLE_MEMBER_ADD
	GroupChatDisableMemberRemove   GroupChatFlags = 0x00001000 // GROUPCHAT_DISABLE_MEMBER_REMOVE
	GroupChatDisableMessageSend    GroupChatFlags = 0x00002000 // GROUPCHAT_DISABLE_MESSAGE_SEND
)

// MemberFlags is the standing of a member in a group chat, an unsigned 32-bit
// bitmask. A member can be an operator and have a voice at once.
//
// Trillian API: Group Chat Members, "Get all members of a group chat".
type MemberFlags uint32

// The member flags. MemberBot is inferred, from the vendor's web console.
const (
	MemberOp    MemberFlags = 0x00000001 // GROUPCHAT_MEMBER_OP
	MemberVoice MemberFlags = 0x00000002 // GROUPCHAT_MEMBER_VOICE
	MemberBot   MemberFlags = 0x00000004
)

type flagName struct {
	bit  uint32
	name string
}

// The names are in order of their bits, which is the order String writes.
var (
	groupChatFlagNames = []flagName{
		{uint32(GroupChatDeleted), "DELETED"},
		{uint32(GroupChatDisableDisplayNameSet), "DISABLE_DISPLAYNAME_SET"},
		{uint32(GroupChatDisableTopicSet), "DISABLE_TOPIC_SET"},
		{uint32(GroupChatDisableList), "DISABLE_LIST"},
		{uint32(GroupChatDisableMemberAdd), "DISABLE_MEMBER_ADD"},
		{uint32(GroupChatDisableMemberRemove), "DISABLE_MEMBER_REMOVE"},
		{uint32(GroupChatDisableMessageSend), "DISABLE_MESSAGE_SEND"},
	}
	memberFlagNames = []flagName{
		{uint32(MemberOp), "OP"},
		{uint32(MemberVoice), "VOICE"},
		{uint32(MemberBot), "BOT"},
	}
)

// Has reports whether every flag of flags is set.
func (f GroupChatFlags) Has(flags GroupChatFlags) bool { return f&flags == flags }

// With returns f with flags set.
func (f GroupChatFlags) With(flags GroupChatFlags) GroupChatFlags { return f | flags }

// Without returns f with flags cleared.
func (f GroupChatFlags) Without(flags GroupChatFlags) GroupChatFlags { return f &^ flags }

// String returns the names of the flags joined by "|", unknown bits as one
// hexadecimal number ("DISABLE_LIST|0x40000"), and "0" for none.
func (f GroupChatFlags) String() string { return formatFlags(uint32(f), groupChatFlagNames) }

// EncodeValues writes the number that the server reads, not the names.
func (f GroupChatFlags) EncodeValues(key string, v *url.Values) error {
	v.Set(key, strconv.FormatUint(uint64(f), 10))
	return nil
}

// ParseGroupChatFlags reads what String writes: names joined by "|", in either
// case and with or without the prefix "GROUPCHAT_", and numbers. It fails with
// an [ArgumentError].
func ParseGroupChatFlags(s string) (GroupChatFlags, error) {
	bits, err := parseFlags(s, "GROUPCHAT_", groupChatFlagNames)
	return GroupChatFlags(bits), err
}

// Has reports whether every flag of flags is set.
func (f MemberFlags) Has(flags MemberFlags) bool { return f&flags == flags }

// With returns f with flags set.
func (f MemberFlags) With(flags MemberFlags) MemberFlags { return f | flags }

// Without returns f with flags cleared.
func (f MemberFlags) Without(flags MemberFlags) MemberFlags { return f &^ flags }

// String returns the names of the flags joined by "|", unknown bits as one
// hexadecimal number, and "0" for none.
func (f MemberFlags) String() string { return formatFlags(uint32(f), memberFlagNames) }

// ParseMemberFlags reads what String writes: names joined by "|", in either
// case and with or without the prefix "GROUPCHAT_MEMBER_", and numbers. It
// fails with an [ArgumentError].
func ParseMemberFlags(s string) (MemberFlags, error) {
	bits, err := parseFlags(s, "GROUPCHAT_MEMBER_", memberFlagNames)
	return MemberFlags(bits), err
}

func formatFlags(bits uint32, names []flagName) string {
	if bits == 0 {
		return "0"
	}
	var words []string
	for _, n := range names {
		if bits&n.bit != 0 {
			words = append(words, n.name)
			bits &^= n.bit
		}
	}
	if bits != 0 {
		words = append(words, fmt.Sprintf("0x%x", bits))
	}
	return strings.Join(words, "|")
}

func parseFlags(s, prefix string, names []flagName) (uint32, error) {
	var bits uint32
	for word := range strings.SplitSeq(s, "|") {
		word = strings.ToUpper(strings.TrimSpace(word))
		bit, ok := parseFlag(strings.TrimPrefix(word, prefix), names)
		if !ok {
			return 0, &ArgumentError{Name: "flags", Reason: fmt.Sprintf("have the unknown name %q", word)}
		}
		bits |= bit
	}
	return bits, nil
}

func parseFlag(word string, names []flagName) (uint32, bool) {
	for _, n := range names {
		if n.name == word {
			return n.bit, true
		}
	}
	// Base 0 would also take "0b1", "0o7" and "1_0", which nobody means here.
	base := 10
	if hex, ok := strings.CutPrefix(word, "0X"); ok {
		word, base = hex, 16
	}
	n, err := strconv.ParseUint(word, base, 32)
	return uint32(n), err == nil
}
