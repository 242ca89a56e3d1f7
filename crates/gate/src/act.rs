//! Actions as types, so that a receipt for one cannot serve for another.

use cordon_domain::Action;

mod sealed {
    pub trait Sealed {}
}

/// An action as a type. The list is closed: only this crate adds to it.
pub trait Act: sealed::Sealed + Send + 'static {
    /// The action that is decided and recorded.
    const ACTION: Action;
}

/// An action that changes nothing but what leaves.
pub trait Reads: Act {}

/// An action that is stated: it says what someone did beside the gate's own transactions, and opens nothing.
pub trait States: Act {}

/// An action that changes state.
pub trait Changes: Act {}

macro_rules! acts {
    ($kind:ident: $($(#[$doc:meta])* $name:ident = $action:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Act for $name {
            const ACTION: Action = Action::$action;
        }
        impl $kind for $name {}
    )+};
}

acts! { Reads:
    /// Reads the bytes of one version.
    Read = ObjectRead;
    /// Learns which objects there are, and what they are called.
    List = ObjectList;
    /// Searches or exports events.
    Search = LogSearch;
    /// Asks who may do what.
    Query = AccessQuery;
    /// Learns which codenames there are.
    ListCodenames = CodenameList;
    /// Takes what one's scans are to recognise.
    TakeKnowledge = KnowledgeTake;
}

acts! { States:
    /// States what a destruction of keys destroyed.
    Certify = KeyCertify;
    /// States that the keys were opened.
    Unlock = KeyUnlock;
    /// States that a backup was restored.
    Restore = BackupRestore;
}

acts! { Changes:
    /// Writes a new version.
    Write = ObjectWrite;
    /// Makes a bucket.
    MakeBucket = BucketCreate;
    /// Changes a bucket.
    ChangeBucket = BucketChange;
    /// Removes a bucket that is empty.
    RemoveBucket = BucketDelete;
    /// Deletes a version for ever.
    Delete = ObjectDelete;
    /// Hides an object.
    Hide = ObjectHide;
    /// Changes the tags of a version.
    Tag = ObjectTag;
    /// Looks into a new version.
    Inspect = ObjectInspect;
    /// Makes a version public until a date.
    Publish = PublicationMake;
    /// Takes a publication back.
    Withdraw = PublicationWithdraw;
    /// Raises a label.
    Raise = LabelRaise;
    /// Lowers a label.
    Lower = LabelLower;
    /// Signs in: proves who it is, and gets a session.
    SignIn = SignIn;
    /// Signs out: ends a session.
    SignOut = SignOut;
    /// Uses an invitation up.
    Accept = InvitationAccept;
    /// Adds or changes a way to sign in.
    AddAuthenticator = AuthenticatorEnrol;
    /// Turns a sign-in into access keys.
    TakeKeys = SessionKeys;
    /// Issues an invitation, or the key of a service.
    Issue = CredentialIssue;
    /// Revokes a principal, credential, device, vendor, project, grant or share.
    Revoke = Revoke;
    /// Gives a key a new version.
    Rotate = KeyRotate;
    /// Wraps a batch of data keys anew.
    Rewrap = KeyRewrap;
    /// Destroys the keys of one version.
    Shred = KeyShred;
    /// Lets a bucket observe what it enforced.
    LoosenBucket = BucketLoosen;
    /// Lets somebody read more of a bucket than limits allow.
    Allow = AllowanceMake;
    /// Ends an allowance.
    EndAllowance = AllowanceEnd;
    /// Keeps something from being read before a date.
    MakeEmbargo = EmbargoMake;
    /// Lifts an embargo.
    LiftEmbargo = EmbargoLift;
    /// Makes a codename known.
    MakeCodename = CodenameMake;
    /// Forgets a codename.
    EndCodename = CodenameEnd;
    /// Has copies of a version recognised no more.
    ForgetPrints = PrintsForget;
    /// Erases what identifies a person.
    Erase = PrincipalErase;
    /// Makes a backup.
    Backup = BackupMake;
    /// Adds a principal.
    Invite = PrincipalCreate;
    /// Changes a principal.
    Alter = PrincipalChange;
    /// Grants something, or opens a closed project again.
    Give = GrantMake;
    /// Asks others to approve something.
    Ask = ApprovalAsk;
    /// Asks others to open an emergency.
    AskEmergency = EmergencyAsk;
    /// Approves what someone else asked for.
    Approve = Approve;
    /// Changes the policies.
    ChangePolicies = PolicyChange;
    /// Changes what the levels demand.
    ChangeLevels = LevelsChange;
    /// Adds or changes a vendor.
    ChangeVendor = VendorChange;
    /// Enrols a device.
    Enrol = DeviceEnrol;
    /// Opens an emergency.
    OpenEmergency = EmergencyOpen;
    /// Closes an emergency after a review.
    Review = EmergencyReview;
}
