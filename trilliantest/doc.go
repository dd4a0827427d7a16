// Package trilliantest is a Trillian Server in memory, for tests of programs that
// use one.
//
//	srv := trilliantest.NewServer(t, trilliantest.WithSampleCompany())
//	client := srv.Client()
//
// It speaks real HTTP on a port of its own and keeps state: what is created,
// changed and deleted is so for every later request. It answers in the format of
// the API's reference, and has an encoder and a form reader of its own, so that a
// mistake in the client is not hidden by the same mistake here.
//
// # Filling it
//
// [WithSampleCompany] holds the company of the reference's samples, and
// [WithGeneratedCompany] one of any size. [WithUsers], [WithGroups],
// [WithPolicies], [WithGroupChats], [WithPresence], [WithMessages] and [WithMedia]
// add what a test needs. [WithClock] and [WithIDs] take time and chance out of it.
// Everything is answered in the order in which it came.
//
// [Server.Fill] takes the same options while the server runs, for what happens
// without the API: a user signs on, another writes.
//
//	srv.Fill(trilliantest.WithPresence(trillian.Presence{Name: "smw@cerulean-inc.com", Status: trillian.PresenceAway}))
//
// # Tokens
//
// [Server.Token] is the administrator's, [Server.TokenFor] a user's own. As with
// the real server a message needs its sender's own:
//
//	sender, err := client.WithToken(srv.TokenFor("smw@cerulean-inc.com"))
//
// # Faults
//
// [Server.Inject] makes requests fail in the ways a network can:
//
//	srv.Inject("POST /users/{user}/messages/", trilliantest.DropAfter())
//	srv.Inject("GET /users/", trilliantest.Status(503), trilliantest.RetryAfter(time.Second)).Times(2)
//
// A test in which an injected fault is never met fails, since it does not test
// what it says. A pattern that can match no operation ends it at once.
//
// # Looking back
//
// [Server.Requests] has what arrived, without tokens, and [Server.RequestsTo] what
// arrived for some operations. When a test fails, the latest of them are logged with it,
// passwords redacted, a line a request.
//
// # TLS
//
// [WithTLS] makes a server with a certificate of its own, as in-house servers have,
// and [Server.CertificatePin] is what a client must be told to trust it.
//
// # Many servers
//
// A server costs a port and a goroutine. [WithoutListener] makes one that has
// neither and is reached by its [Server.Client], its [Server.Transport] or its
// [Server.Handler]. In a bubble of testing/synctest the waits of [Delay] and
// [CarriedOutLate] then take no time.
//
// # Three ways to test
//
// The package's examples test one small program in three ways: on this server, on
// an interface of the program's own, and on a canned answer through httpmock's
// MockTransport.
//
// Take the server where several calls must fit together or a failure of the
// network matters. Take an interface of two or three methods, which the client's
// services satisfy, where the logic is yours and the client is a detail of it. Take
// a canned answer where one particular text of the server's is the point.
//
// # What is inferred
//
// The reference leaves much open. Where it does, this server does the following,
// and a real one may not.
//
// Requests:
//
//	token                 exactly one, in the URL; in the body it is none: 401
//	a user's own token    reads everything, sends its user's messages; the rest: 401
//	a deleted user's      401
//	administrator's token sends nobody's messages: 401
//	order of checks       token, path, verb, form, then the operation's own
//	path                  an empty segment, or no slash at the end: 404, whose text
//	                      tells of a slash that alone is missing
//	another verb          405 with Allow; POST does what PATCH does, PUT does not
//	form                  another media type: 400; a parameter given twice: 400
//	unknown parameters    ignored, but kept as fields of a user
//	body                  at most 1 GiB: 413
//	missing parameters    displayname of a group chat and a group; name of a group,
//	                      a policy and a media item; data; type of a media item;
//	                      from, message, im: 400, empty ones too, but data of a
//	                      policy may be empty; numbers are 0, thumbnails and a
//	                      password may be missing
//	an update of nothing  400
//	an update of a group  is of what it has, though it is POST: the rest stays
//	a name that is taken  400, of a user, of a group: "must be unique"
//	cannot be fulfilled   500, for what no parameter's description rules out: a parent
//	                      group or a bound policy deleted
//
// Answers:
//
//	media type            application/xml; charset=utf-8
//	an error              <response> <error>no such user</error></response>
//	nothing in a list     <response/>, as <topic/> in the samples
//	links                 full URLs below the base URL that the request went to
//	control characters    U+FFFD, since XML has none
//
// Group chats:
//
//	name of a new one     "#", an id, "@" and the domain of the first user
//	no members            in a new one
//	DELETED               not listed, and 404 by its name
//	DISABLE_LIST          listed: the sample's General has the flag, and is
//	DISABLE_MESSAGE_SEND  only members who are operators or have a voice may send: 500
//	the other flags       say what users may do, and an administrator may all
//	sending               needs no membership otherwise
//	expanded groups       as in the list of groups, with links to their peers
//	groups/               is linked, but no operation, and 404 or 405
//	messageTimestamp      of the last message, in milliseconds
//	adding a member       who must be a user: 404; a new one has the flags 0, as in the
//	                      sample, and one who is a member keeps his: 201 too
//
// Groups and policies:
//
//	ids                   one more than the highest ever; never used again
//	parent, policy        0 or one that there is: 400; a group below itself: 400
//	peers                 are not symmetric: the sample's fourth group is peered with
//	                      all, and then has still to be added to another
//	a new group's peers   every group there is, and itself; the others' stay
//	adding a peer again   201
//	deleting a group      removes it from all peers
//	sample company        its three groups are peered with one another
//
// Presence:
//
//	whose                 of users only: 404; the timestamp is that of the update
//	an IPv6 address       as text, where IPv4 is a number
//
// Users:
//
//	<user>                name as attribute; displayname, email and then all other
//	                      parameters by name as elements; never the password
//	a generated user's    further fields are firstname, lastname and group, an ID
//	im                    cannot be changed: 400
//	delete                removes memberships, presence, avatar, media and own
//	                      history; other users' histories and group chats keep the
//	                      messages; answers no body
//	avatar                PUT data (Base64) and type, detected where it is missing;
//	                      GET the bytes; none: 404
//
// Media:
//
//	GET, HEAD             the bytes, their Content-Type and Content-Length, and the
//	                      headers that the vendor's web client asks for:
//	                      Trillian-Media-Name   as UTF-8, control characters U+FFFD
//	                      Trillian-Media-Size   in bytes
//	                      Trillian-Media-Created-At   in seconds
//	                      Trillian-Media-Thumbnail   <thumbnail>, where there is one
//	POST                  answers the <media>
//	m                     32 bytes in Base64, of no meaning
//	thumbnail, data       SHA-256 in Base64, thumbnail empty where there is none
//	thumbnail of a user's not over 65,535 bytes either: 400
//	image sizes           checked, and not answered
//	expiresAt             0, never
//
// Messages:
//
//	conversations         one for a group chat, one a peer for a user; both sides have
//	                      a copy with the same id, and delete only their own; who is
//	                      deleted and made anew goes on under the other side's id
//	name                  the group chat's, or the peer's address
//	week                  (day of the year - 1) / 7 of the UTC date, from 0
//	flags of a week       2, medium astra, as in the sample
//	revision              counts messages and deletions, and is not reset
//	without messages      a week or a conversation is not there: 404
//	block                 a message a line: its timestamp, and its sender after a space
//	                      where that is not enough; an unknown one: 404, and nothing
//	                      is deleted; empty or not Base64: 400
package trilliantest
