// An application in Go whose pool follows a rotation.
package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// -- asking for the credential
type Credential struct {
	Version                 int64 `json:"credentialVersion"`
	Host, Database, SslMode string
	Port                    int
	Username, Password      string
	CaCert                  string // of the connection; none where it trusts the system's authorities
}

var token string
var client = http.Client{Timeout: 75 * time.Second}
var notYet = errors.New("not yet")

func ask(method, url string, body []byte, into interface{}) error {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err
	case answer.StatusCode == 200:
		return json.Unmarshal(text, into)
	case answer.StatusCode == 304:
		return notYet
	case answer.StatusCode == 401 || answer.StatusCode == 403:
		token = "" // its time is up
	}
	return fmt.Errorf("%s %s", answer.Status, text)
}

func logIn() error {
	body, _ := json.Marshal(map[string]string{"clientId": os.Getenv("CLIENT_ID"), "clientSecret": os.Getenv("CLIENT_SECRET")})
	var login struct{ AccessToken string }
	err := ask("POST", os.Getenv("LOGIN"), body, &login)
	token = login.AccessToken
	return err
}

// What is served, as soon as its version is at least this one. Whatever fails is tried again: the service may be restarted.
func credential(atLeastVersion int64) (served Credential) {
	url := fmt.Sprintf("%s?include=ca&waitForVersion=%d&timeout=60", os.Getenv("ACTIVE"), atLeastVersion)
	for {
		var err error
		if token == "" {
			err = logIn()
		}
		if err == nil {
			err = ask("GET", url, nil, &served)
		}
		switch err {
		case nil:
			return served
		case notYet:
		default:
			fmt.Fprintln(os.Stderr, err)
			time.Sleep(2 * time.Second)
		}
	}
}

// --
// -- a connector of it
// Logs in with the latest credential whenever the pool wants a session.
type Follower struct{ latest atomic.Value }

func (f *Follower) Driver() driver.Driver { return &pq.Driver{} }

func (f *Follower) Connect(ctx context.Context) (driver.Conn, error) {
	c := f.latest.Load().(Credential)
	options := url.Values{"sslmode": {c.SslMode}}
	if c.CaCert != "" {
		if err := os.WriteFile("rolewright-ca-go.pem", []byte(c.CaCert), 0o600); err != nil {
			return nil, err
		}
		options.Set("sslrootcert", "rolewright-ca-go.pem")
	}
	// As a URL, which quotes whatever a password has in it.
	login := url.URL{Scheme: "postgres", User: url.UserPassword(c.Username, c.Password), Path: "/" + c.Database,
		Host: net.JoinHostPort(c.Host, strconv.Itoa(c.Port)), RawQuery: options.Encode()}
	connector, err := pq.NewConnector(login.String())
	if err != nil {
		return nil, err
	}
	return connector.Connect(ctx)
}

// --
func main() {
	served := credential(1)
	follower := &Follower{}
	follower.latest.Store(served)
	// -- a pool of it
	pool := sql.OpenDB(follower)
	pool.SetConnMaxLifetime(10 * time.Minute) // sessions at work go on, idle ones end
	// --
	atWork, err := pool.Conn(context.Background())
	check(err)
	expect(who(atWork), os.Getenv("ROLE1"))
	verifies := os.Getenv("SSLMODE") == "verify-full"
	var encrypted bool
	check(atWork.QueryRowContext(context.Background(), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&encrypted))
	expect(fmt.Sprint(encrypted), fmt.Sprint(verifies))
	if verifies {
		other, err := os.ReadFile(os.Getenv("OTHER_CA"))
		check(err)
		elsewhere := &Follower{}
		foreign := served
		foreign.CaCert = string(other)
		elsewhere.latest.Store(foreign)
		err = sql.OpenDB(elsewhere).Ping()
		expect(fmt.Sprint(err != nil && strings.Contains(err.Error(), "certificate")), "true")
	}
	fmt.Println("rotate")
	bufio.NewReader(os.Stdin).ReadString('\n')

	// -- changing over: sessions that begin from now on log in with the next one
	served = credential(served.Version + 1)
	follower.latest.Store(served)
	// --
	fresh, err := pool.Conn(context.Background())
	check(err)
	expect(who(fresh), os.Getenv("ROLE2"))
	expect(who(atWork), os.Getenv("ROLE1"))
	fmt.Println("done")
}

func who(session *sql.Conn) (role string) {
	check(session.QueryRowContext(context.Background(), "SELECT current_user").Scan(&role))
	return
}

func expect(is, should string) {
	if is != should {
		panic(is + " and not " + should)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
