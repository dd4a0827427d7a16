// Package trillian is a client of the Trillian Server REST API: it administers
// the group chats, groups, policies, presence and users of a Trillian Server,
// Cerulean Studios' instant messenger for businesses, in the cloud or in-house.
//
// # A first program
//
//	client, err := trillian.NewClient(token, trillian.WithBaseURL("https://im.example.com/v1/"))
//	if err != nil {
//		return err
//	}
//	chats, err := client.GroupChats.List(ctx, nil)
//
// The client mirrors the reference's table of contents: what its page "Group
// Chats, Members, Add" describes is client.GroupChats.Members.Add, and every
// method's comment names its operation. [Client.Do] reaches what has no method.
//
// Lists come in two ways. List collects a response, All yields it while it arrives:
//
//	for user, err := range client.Users.All(ctx) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(user.Name)
//	}
//
// An All yields an error once, last. A message history has an All for each of its
// weeks; [MessagesService.Weeks] yields whole weeks in order, several of them
// fetched at once, and [MessagesService.History] their messages.
//
// # Creating and updating
//
// A …Create has plain fields. An …Update has pointers: nil leaves a field alone,
// new("") makes it empty. An update that changes nothing is refused.
//
//	client.GroupChats.Update(ctx, chat.Name, trillian.GroupChatUpdate{Topic: new("Lunch at noon")})
//
// A message is sent with the token of its sender, not an administrator's:
//
//	as, err := client.WithToken(senderToken)
//	as.Users.Messages.Send(ctx, "kwk@example.com", trillian.MessageSend{From: "smw@example.com", Text: "Hello"})
//
// # Nothing is dropped
//
// What is returned has in Fields every attribute and child that its struct has no
// field for, by name, as [User] says.
//
// The types write and read JSON: names in lowerCamelCase, flags and statuses as
// numbers, a [PolicyData] as its text, a zero [Timestamp] as null. They have the tags
// of encoding/xml, which reads the reference's samples into them; but it loses an
// attribute that would go to Fields, fails at a child that would, and does not know
// the ID of a conversation. Let [Client.Do] decode instead.
//
// # Errors
//
// Nothing is sent when an argument cannot be: that is an [*ArgumentError]. What
// the server refuses, and what breaks on the way, is an [*Error], for which
// errors.Is holds with [ErrNotFound], [ErrUnauthorized] and the other sentinels. A
// success that is not a response of a Trillian Server, say a proxy's HTML page, is a
// [*DecodeError]. A redirect is never followed but is a [*RedirectError]. No value
// comes with an error, and no value is ever half filled. The likeliest first
// mistakes (a token that is percent-encoded, a base URL without a version) are told
// with a hint.
//
// errors.Is(err, context.Canceled) and context.DeadlineExceeded hold whenever the
// context is the reason. Its cause stands in the text only: it may be the failure of
// another call, for which this one's must not be taken.
//
// errors.Is(err, [ErrOutcomeUnknown]) means that a POST or PATCH may have been
// carried out although its response was lost: look before you repeat it, or have
// [Confirm] do so.
//
// # What is tried again
//
// A call makes up to four requests (see [RetryPolicy]), with full jitter between
// them, as long as the context lasts and a budget shared by all calls allows: an
// outage does not multiply the load.
//
//	failure                                              GET HEAD PUT DELETE   POST, PATCH
//	                                                     OPTIONS TRACE         and all others
//	never connected (refused, TLS handshake timed out)   again                 again
//	GOAWAY of HTTP/2 that says it was not seen           again                 again
//	dropped or timed out after sending; REFUSED_STREAM   again                 ErrOutcomeUnknown
//	408, 502, 503, 504                                   again                 ErrOutcomeUnknown
//	429                                                  again                 again
//	500 and other 5xx of the API: <response>, or empty   no                    no
//	500 and other 5xx of a proxy: any other body         no                    ErrOutcomeUnknown
//	other 4xx, 3xx                                       no                    no
//	wrong certificate, TLS alert, refused CONNECT        no                    no
//	host not found, own reader fails, ErrNotSent         no                    no
//	good response whose body breaks off                  again                 ErrOutcomeUnknown
//
// A Retry-After is the least that is waited for; one over MaxRetryAfter ends the
// call, and so does a wait that the context's deadline would cut short. The error
// says why it was not tried again. An iterator that has yielded is not started again.
// For a DELETE that is answered 404 after an attempt that may have been carried out
// both ErrNotFound and ErrOutcomeUnknown hold.
//
// # What the API cannot do
//
// No operation of the reference puts a user into a group, makes a member an operator,
// gets a user's token, deletes a group chat but by its flag [GroupChatDeleted], tells
// one user's presence, pages through a list, or protects an update against another
// that came in between: so no method does.
//
// # Secrets
//
// The token travels in the query of every request, but only the base transport
// sees it there: no error, log line, middleware or response has it. Passwords are
// of the type [Secret], which every way of printing shows as [redacted].
// SECURITY.md says what is promised and what is not.
//
// # Testing your own code
//
// Package trilliantest is a Trillian Server in memory, in one line of a test:
//
//	client := trilliantest.NewServer(t, trilliantest.WithSampleCompany()).Client()
package trillian
