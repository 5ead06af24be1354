package io.rolewright.password;

import java.util.Arrays;
import java.util.Map;
import java.util.OptionalInt;

/**
 * How hard the passwords of a policy are to guess: the min-entropy of what {@link PasswordGenerator} draws, in bits. That is −log₂ of the
 * probability of the likeliest password, the best that somebody who knows policy and generator can do at his first guess
 * (NIST SP 800-90B §2.1).
 *
 * <p>A password of L characters has c<sub>i</sub> ≥ r<sub>i</sub> of each required kind, of which there are a<sub>i</sub> characters; A is
 * the sum of the a<sub>i</sub>. The number of such passwords is a coefficient of a product of exponential generating functions (Flajolet and
 * Sedgewick, Analytic Combinatorics, §II.3):
 *
 * <pre>N = L! · [x^L] ∏ᵢ Σ over k ≥ rᵢ of (aᵢ x)^k / k!</pre>
 *
 * A whole draw meets the policy with the probability q = N / A^L, and all that meet it are equally likely. After {@link
 * PasswordGenerator#DRAWS} draws that did not, the required characters are placed; that gives one with the counts c with the probability
 *
 * <pre>p(c) = ∏ᵢ binomial(cᵢ, rᵢ) rᵢ! / aᵢ^rᵢ · (L − R)! / L! / A^(L − R)      R = Σ rᵢ</pre>
 *
 * So the likeliest password has the probability (1 − (1 − q)^DRAWS) / N + (1 − q)^DRAWS · max p(c).
 */
public final class PasswordEntropy {

    private PasswordEntropy() {}

    /** @return 0 to 1639 bits (250 of 94 characters); a millisecond at most, so fine on an event loop */
    public static double bits(PasswordPolicy policy) {
        int length = policy.length();
        Map<String, Integer> alphabets = policy.alphabets();
        int all = alphabets.keySet().stream().mapToInt(String::length).sum();
        double possible = lnPossible(alphabets, length);
        double met = Math.exp(Math.min(0, possible - length * Math.log(all)));
        double missed = Math.pow(1 - met, PasswordGenerator.DRAWS);
        double lnDrawn = Math.log1p(-missed) - possible;
        double lnPlaced =
                missed == 0 ? Double.NEGATIVE_INFINITY : Math.log(missed) + lnLikeliestPlaced(alphabets, all, length);
        // ln of their sum, of numbers that a double does not hold as they are.
        double greater = Math.max(lnDrawn, lnPlaced);
        double lnLikeliest = greater + Math.log1p(Math.exp(Math.min(lnDrawn, lnPlaced) - greater));
        return Math.max(0, -lnLikeliest / Math.log(2));
    }

    /** The least length with which the policy has so many bits, its requirements as they are; empty if none up to the longest has. */
    public static OptionalInt lengthFor(PasswordPolicy policy, double bits) {
        for (int length = policy.length(); length <= PasswordPolicy.MAXIMUM_LENGTH; length++) {
            if (bits(policy.ofLength(length)) >= bits) {
                return OptionalInt.of(length);
            }
        }
        return OptionalInt.empty();
    }

    /** ln N. */
    private static double lnPossible(Map<String, Integer> alphabets, int length) {
        double[] product = new double[length + 1];
        product[0] = 1;
        for (Map.Entry<String, Integer> entry : alphabets.entrySet()) {
            double[] kind = new double[length + 1];
            double term = 1;
            for (int k = 0; k <= length; k++) {
                term = k == 0 ? 1 : term * entry.getKey().length() / k;
                kind[k] = k >= entry.getValue() ? term : 0;
            }
            double[] next = new double[length + 1];
            for (int i = 0; i <= length; i++) {
                for (int k = 0; product[i] > 0 && k <= length - i; k++) {
                    next[i + k] += product[i] * kind[k];
                }
            }
            product = next;
        }
        // One single character of one single kind: the term has become 0 long before 250, and there is one password.
        return product[length] > 0 ? Math.max(0, Math.log(product[length]) + lnFactorial(length)) : 0;
    }

    /** ln of the greatest p(c), over all counts c. */
    private static double lnLikeliestPlaced(Map<String, Integer> alphabets, int all, int length) {
        double[] best = new double[length + 1];
        Arrays.fill(best, Double.NEGATIVE_INFINITY);
        best[0] = 0;
        double fixed = 0;
        int required = 0;
        for (Map.Entry<String, Integer> entry : alphabets.entrySet()) {
            int least = entry.getValue();
            required += least;
            fixed += lnFactorial(least) - least * Math.log(entry.getKey().length());
            double[] next = new double[length + 1];
            Arrays.fill(next, Double.NEGATIVE_INFINITY);
            for (int i = 0; i <= length; i++) {
                for (int k = least; k <= length - i; k++) {
                    double choices = lnFactorial(k) - lnFactorial(least) - lnFactorial(k - least);
                    next[i + k] = Math.max(next[i + k], best[i] + choices);
                }
            }
            best = next;
        }
        return best[length]
                + fixed
                + lnFactorial(length - required)
                - lnFactorial(length)
                - (length - required) * Math.log(all);
    }

    private static double lnFactorial(int n) {
        return LN_FACTORIALS[n];
    }

    private static final double[] LN_FACTORIALS = lnFactorials();

    private static double[] lnFactorials() {
        double[] all = new double[PasswordPolicy.MAXIMUM_LENGTH + 1];
        for (int n = 2; n < all.length; n++) {
            all[n] = all[n - 1] + Math.log(n);
        }
        return all;
    }
}
