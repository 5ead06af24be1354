package io.rolewright.sealing;

/**
 * A data key as it lies in the store.
 *
 * @param id of the data key; part of what is wrapped, so that it cannot pass for another
 * @param source where its root key lives
 * @param rootKeyId which root key of that source: the id in the root key file, or name and version of Vault's key
 * @param wrapped in a form of the source's own
 */
record WrappedKey(int id, RootKeyConfig.Source source, String rootKeyId, byte[] wrapped) {

    @Override
    public String toString() {
        return "data key " + id + " wrapped by " + source.storedName() + " " + rootKeyId;
    }
}
