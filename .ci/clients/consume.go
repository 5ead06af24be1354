// An application in Go whose pool follows a rotation.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
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

// What is served, as soon as its version is at least this one.
func credential(atLeastVersion int64) (served Credential, err error) {
	for {
		request, _ := http.NewRequest("GET", fmt.Sprintf("%s?include=ca&waitForVersion=%d&timeout=60", os.Getenv("ACTIVE"), atLeastVersion), nil)
		request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return served, err
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			return served, err
		}
		switch answer.StatusCode {
		case 200:
			return served, json.Unmarshal(body, &served)
		case 304: // not yet
		default:
			return served, fmt.Errorf("%s %s", answer.Status, body)
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
	login := fmt.Sprintf("host='%s' port=%d dbname='%s' user='%s' password='%s' sslmode=%s",
		c.Host, c.Port, c.Database, c.Username, c.Password, c.SslMode)
	if c.CaCert != "" {
		if err := os.WriteFile("rolewright-ca-go.pem", []byte(c.CaCert), 0o600); err != nil {
			return nil, err
		}
		login += " sslrootcert=rolewright-ca-go.pem"
	}
	connector, err := pq.NewConnector(login)
	if err != nil {
		return nil, err
	}
	return connector.Connect(ctx)
}

// --
func main() {
	served, err := credential(1)
	check(err)
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
	served, err = credential(served.Version + 1)
	check(err)
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
