package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

	"github.com/digitalocean/godo"
	"github.com/google/go-github/v89/github"
	"github.com/hashicorp/go-tfe"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/slack-go/slack"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

func bearer() map[string]string { return map[string]string{"Authorization": "Bearer " + token} }

func decodeJSON(v any) func(*http.Response) error { return into(v, json.Unmarshal) }

func githubCaller(base string, hc *http.Client) (caller, error) {
	base += "github/"
	client, err := github.NewClient(github.WithHTTPClient(hc), github.WithAuthToken(token), github.WithURLs(&base, nil))
	if err != nil {
		return caller{}, err
	}
	return caller{
		name: "go-github",
		call: func(ctx context.Context) error {
			ref, _, err := client.Git.GetRef(ctx, "o", "r", "heads/main")
			return expect(err, ref.GetRef() == "refs/heads/main")
		},
		floor: func(ctx context.Context) error {
			var ref github.Reference
			err := get(ctx, hc, base+"repos/o/r/git/ref/heads/main", bearer(), decodeJSON(&ref))
			return expect(err, ref.GetRef() == "refs/heads/main")
		},
	}, nil
}

func gitlabCaller(base string, hc *http.Client) (caller, error) {
	base += "gitlab/"
	client, err := gitlab.NewClient(token, gitlab.WithBaseURL(base), gitlab.WithHTTPClient(hc))
	if err != nil {
		return caller{}, err
	}
	return caller{
		name: "gitlab client-go",
		call: func(ctx context.Context) error {
			version, _, err := client.Version.GetVersion(gitlab.WithContext(ctx))
			return expect(err, version != nil && version.Version != "")
		},
		floor: func(ctx context.Context) error {
			var version gitlab.Version
			err := get(ctx, hc, base+"api/v4/version", map[string]string{"Private-Token": token}, decodeJSON(&version))
			return expect(err, version.Version != "")
		},
	}, nil
}

func godoCaller(base string, hc *http.Client) (caller, error) {
	base += "godo/"
	client, err := godo.New(hc, godo.SetBaseURL(base), godo.SetRequestHeaders(bearer()))
	if err != nil {
		return caller{}, err
	}
	return caller{
		name: "godo",
		call: func(ctx context.Context) error {
			account, _, err := client.Account.Get(ctx)
			return expect(err, account != nil && account.Email != "")
		},
		floor: func(ctx context.Context) error {
			var root struct{ Account godo.Account }
			err := get(ctx, hc, base+"v2/account", bearer(), decodeJSON(&root))
			return expect(err, root.Account.Email != "")
		},
	}, nil
}

func slackCaller(base string, hc *http.Client) (caller, error) {
	base += "slack/"
	client := slack.New(token, slack.OptionAPIURL(base), slack.OptionHTTPClient(hc))
	return caller{
		name: "slack-go",
		call: func(ctx context.Context) error {
			link, err := client.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: "C123ABC456", Ts: "135854651.500008"})
			return expect(err, link != "")
		},
		floor: func(ctx context.Context) error {
			var found struct {
				OK        bool
				Channel   string
				Permalink string
			}
			query := url.Values{"channel": {"C123ABC456"}, "message_ts": {"135854651.500008"}}
			err := get(ctx, hc, base+"chat.getPermalink?"+query.Encode(), bearer(), decodeJSON(&found))
			return expect(err, found.Permalink != "")
		},
	}, nil
}

func tfeCaller(base string, hc *http.Client) (caller, error) {
	client, err := tfe.NewClient(&tfe.Config{Address: base, BasePath: "/tfe/", Token: token, HTTPClient: hc})
	if err != nil {
		return caller{}, err
	}
	return caller{
		name: "go-tfe",
		call: func(ctx context.Context) error {
			user, err := client.Users.ReadCurrent(ctx)
			return expect(err, user != nil && user.Username == "admin")
		},
		floor: func(ctx context.Context) error {
			var found struct {
				Data struct {
					ID, Type   string
					Attributes struct {
						AvatarURL        string `json:"avatar-url"`
						Email            string `json:"email"`
						IsServiceAccount bool   `json:"is-service-account"`
						UnconfirmedEmail string `json:"unconfirmed-email"`
						Username         string `json:"username"`
						V2Only           bool   `json:"v2-only"`
					}
				}
			}
			err := get(ctx, hc, base+"tfe/account/details", bearer(), decodeJSON(&found))
			return expect(err, found.Data.Attributes.Username == "admin")
		},
	}, nil
}

func minioCaller(base string, hc *http.Client) (caller, error) {
	return newMinioCaller("minio-go, anonymous", base, hc, credentials.NewStatic("", "", "", credentials.SignatureAnonymous))
}

func minioSignedCaller(base string, hc *http.Client) (caller, error) {
	return newMinioCaller("minio-go, signed", base, hc, credentials.NewStaticV4("access", "secret-key", ""))
}

func newMinioCaller(name, base string, hc *http.Client, creds *credentials.Credentials) (caller, error) {
	host := strings.TrimSuffix(strings.TrimPrefix(base, "http://"), "/")
	client, err := minio.New(host, &minio.Options{
		Creds: creds, Transport: hc.Transport, Region: "us-east-1", BucketLookup: minio.BucketLookupPath,
	})
	if err != nil {
		return caller{}, err
	}
	return caller{
		name: name,
		call: func(ctx context.Context) error {
			found, err := client.GetBucketVersioning(ctx, "minio")
			return expect(err, found.Status == "Enabled")
		},
		floor: func(ctx context.Context) error {
			var found minio.BucketVersioningConfiguration
			err := get(ctx, hc, base+"minio/?versioning=", nil, into(&found, xml.Unmarshal))
			return expect(err, found.Status == "Enabled")
		},
	}, nil
}
