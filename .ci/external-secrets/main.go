// The provider `infisical` of External Secrets reads a rotation before and after it rotates, as the operator's reconciles do, with a store and
// a Secret that controller-runtime's fake client gives it. Said to ExternalSecretsTest by lines: "rotate" asks for a rotation, "done" is
// the end.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	esmeta "github.com/external-secrets/external-secrets/apis/meta/v1"
	"github.com/external-secrets/external-secrets/pkg/provider/infisical"
	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

const namespace = "orders"

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func expect(holds bool, what string, args ...any) {
	if !holds {
		panic(fmt.Sprintf(what, args...))
	}
}

// A store as docs/consuming.md has it; the Secret ends lines where people's editors do.
func store(path, host string) *esv1.SecretStore {
	key := func(name string) esmeta.SecretKeySelector {
		return esmeta.SecretKeySelector{Name: "rolewright", Key: name}
	}
	return &esv1.SecretStore{
		TypeMeta:   metav1.TypeMeta{APIVersion: "external-secrets.io/v1", Kind: "SecretStore"},
		ObjectMeta: metav1.ObjectMeta{Name: "rolewright", Namespace: namespace},
		Spec: esv1.SecretStoreSpec{Provider: &esv1.SecretStoreProvider{Infisical: &esv1.InfisicalProvider{
			HostAPI: host,
			Auth: esv1.InfisicalAuth{UniversalAuthCredentials: &esv1.UniversalAuthCredentials{
				ClientID: key("clientId"), ClientSecret: key("clientSecret")}},
			SecretsScope: esv1.MachineIdentityScopeInWorkspace{
				ProjectSlug: os.Getenv("PROJECT_SLUG"), EnvironmentSlug: "production", SecretsPath: path},
		}}},
	}
}

func logsIn(ctx context.Context, user, password string) error {
	to := url.URL{Scheme: "postgres", User: url.UserPassword(user, password),
		Host: net.JoinHostPort("127.0.0.1", os.Getenv("PG_PORT")), Path: "/postgres", RawQuery: "sslmode=disable"}
	session, err := pgx.Connect(ctx, to.String())
	if err != nil {
		return err
	}
	return session.Close(ctx)
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	kube := fake.NewClientBuilder().WithObjects(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "rolewright", Namespace: namespace},
		Data: map[string][]byte{
			"clientId": []byte(os.Getenv("CLIENT_ID")), "clientSecret": []byte(os.Getenv("CLIENT_SECRET")), "wrong": []byte("no secret")},
	}).Build()
	site, path := os.Getenv("SITE_URL"), os.Getenv("SECRET_PATH")
	provider := &infisical.Provider{}
	open := func(store *esv1.SecretStore) esv1.SecretsClient {
		must(provider.ValidateStore(store))
		return must(provider.NewClient(ctx, store, client.Client(kube), namespace))
	}
	pair := func(secrets esv1.SecretsClient) (string, string) {
		user := must(secrets.GetSecret(ctx, esv1.ExternalSecretDataRemoteRef{Key: "DB_USER"}))
		password := must(secrets.GetSecret(ctx, esv1.ExternalSecretDataRemoteRef{Key: "DB_PASSWORD"}))
		// `dataFrom.find`: both by one request.
		all := must(secrets.GetAllSecrets(ctx, esv1.ExternalSecretFind{}))
		expect(len(all) == 2 && string(all["DB_USER"]) == string(user) && string(all["DB_PASSWORD"]) == string(password),
			"find gives %d, not the pair", len(all))
		return string(user), string(password)
	}

	// Each reconcile opens a client and closes it, which revokes its token.
	secrets := open(store(path, site))
	expect(must(secrets.Validate()) == esv1.ValidationResultReady, "the store is not ready")
	user, password := pair(secrets)
	check(logsIn(ctx, user, password))
	named := must(secrets.GetAllSecrets(ctx, esv1.ExternalSecretFind{Name: &esv1.FindName{RegExp: "^DB_PASS"}}))
	expect(len(named) == 1 && string(named["DB_PASSWORD"]) == password, "find by name gives %d", len(named))
	check(secrets.Close(ctx))

	// Only what is not there may be pruned by deletionPolicy Delete.
	secrets = open(store(path, site))
	_, err := secrets.GetSecret(ctx, esv1.ExternalSecretDataRemoteRef{Key: "NOT_THERE"})
	expect(errors.Is(err, esv1.NoSecretErr), "a missing secret is answered with %v", err)
	_, err = secrets.GetSecretMap(ctx, esv1.ExternalSecretDataRemoteRef{Key: "DB_PASSWORD"})
	expect(err != nil, "a password was taken for a map")
	check(secrets.Close(ctx))
	empty := open(store("/nobody/is/here", site))
	expect(len(must(empty.GetAllSecrets(ctx, esv1.ExternalSecretFind{}))) == 0, "an empty folder has secrets")
	check(empty.Close(ctx))
	wrong := store(path, site)
	wrong.Spec.Provider.Infisical.Auth.UniversalAuthCredentials.ClientSecret.Key = "wrong"
	_, err = provider.NewClient(ctx, wrong, client.Client(kube), namespace)
	expect(err != nil, "a wrong client secret logs in")

	fmt.Println("rotate")
	bufio.NewReader(os.Stdin).ReadString('\n')
	secrets = open(store(path, site+"/"))
	after, next := pair(secrets)
	expect(next != password, "nothing was rotated")
	check(logsIn(ctx, after, next))
	// Of the two users, the one before stays until the next rotation.
	check(logsIn(ctx, user, password))
	check(secrets.Close(ctx))
	fmt.Println("done")
}
