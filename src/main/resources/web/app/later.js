// The pages that are opened now and then, in a file of their own: who opens the console on a bad day waits for nothing that he does not need.
import './texts-later.js';
import './webhooks.js';
import './audit.js';
import './identities.js';
import './projects.js';
import './keys.js';
import './wizard.js';
