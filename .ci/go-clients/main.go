// Infisical's Go SDK reads a rotation before and after it rotates, earlier versions too, while pools of pgx and lib/pq that log in with what
// it got go on. Said to GoClientsTest by lines: "rotate" asks for a rotation, "done" is the end.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	infisical "github.com/infisical/go-sdk"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/lib/pq"
)

type login struct{ username, password string }

var latest atomic.Pointer[login]

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// What lib/pq logs in with, whenever its pool wants a session. As a URL, so that no character of a password means anything.
type following struct{ address string }

func (f following) Driver() driver.Driver { return &pq.Driver{} }

func (f following) Connect(ctx context.Context) (driver.Conn, error) {
	now := latest.Load()
	to := url.URL{Scheme: "postgres", User: url.UserPassword(now.username, now.password), Host: f.address, Path: "/postgres",
		RawQuery: "sslmode=disable"}
	connector, err := pq.NewConnector(to.String())
	if err != nil {
		return nil, err
	}
	return connector.Connect(ctx)
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	client := infisical.NewInfisicalClient(ctx, infisical.Config{SiteUrl: os.Getenv("SITE_URL"), SilentMode: true})
	must(client.Auth().UniversalAuthLogin(os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET")))
	place := infisical.ListSecretsOptions{ProjectID: os.Getenv("PROJECT_ID"), Environment: "production", SecretPath: os.Getenv("SECRET_PATH")}
	etag := ""
	// The pair that is served, by one request.
	list := func() login {
		listed := must(client.Secrets().ListSecrets(place))
		etag = listed.ETag
		var pair login
		for _, secret := range listed.Secrets {
			if secret.SecretKey == "DB_USER" {
				pair.username = secret.SecretValue
			} else {
				pair.password = secret.SecretValue
			}
		}
		latest.Store(&pair)
		return pair
	}
	version := func(number int) string {
		return must(client.Secrets().Retrieve(infisical.RetrieveSecretOptions{ProjectID: place.ProjectID, Environment: place.Environment,
			SecretPath: place.SecretPath, SecretKey: "DB_PASSWORD", Version: number})).SecretValue
	}

	first := list()
	unchanged := place
	unchanged.IfNoneMatch = etag
	var notModified *infisical.NotModifiedError
	if _, err := client.Secrets().ListSecrets(unchanged); !errors.As(err, &notModified) {
		panic(fmt.Sprint("the same again is no 304: ", err))
	}

	address := net.JoinHostPort("127.0.0.1", os.Getenv("PG_PORT"))
	pool := must(pgxpool.ParseConfig("postgres://" + address + "/postgres?sslmode=disable"))
	pool.MaxConnLifetime = 200 * time.Millisecond
	pool.BeforeConnect = func(_ context.Context, session *pgx.ConnConfig) error {
		now := latest.Load()
		session.User, session.Password = now.username, now.password
		return nil
	}
	byPgx := must(pgxpool.NewWithConfig(ctx, pool))
	defer byPgx.Close()
	byPq := sql.OpenDB(following{address})
	byPq.SetConnMaxLifetime(200 * time.Millisecond)
	defer byPq.Close()
	queries := func(want string) {
		deadline := time.Now().Add(time.Second)
		for time.Now().Before(deadline) {
			var pgxUser, pqUser string
			if err := byPgx.QueryRow(ctx, "SELECT session_user").Scan(&pgxUser); err != nil {
				panic(err)
			}
			if err := byPq.QueryRowContext(ctx, "SELECT session_user").Scan(&pqUser); err != nil {
				panic(err)
			}
		}
		var user string
		if err := must(byPq.Conn(ctx)).QueryRowContext(ctx, "SELECT session_user").Scan(&user); err != nil || user != want {
			panic(fmt.Sprint("not logged in as who is served: ", user, err))
		}
	}
	queries(first.username)

	fmt.Println("rotate")
	bufio.NewScanner(os.Stdin).Scan()
	second := list()
	if first == second {
		panic("nothing new after the rotation")
	}
	queries(second.username)
	if version(1) != first.password || version(2) != second.password {
		panic("versions are not what was served")
	}
	fmt.Println("done")
}
