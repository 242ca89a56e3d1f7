//! Everything that can be asked of Cordon, or that Cordon records of itself.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

/// Reports a word that names no action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAction(pub String);

impl fmt::Display for UnknownAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no action; actions are {}", self.0, Action::ALL.map(Action::as_str).join(", "))
    }
}

impl std::error::Error for UnknownAction {}

macro_rules! actions {
    ($($number:literal $name:ident $text:literal $doc:literal;)+) => {
        /// What was done, or asked for. The numbers are stored: they never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(index_only)]
        pub enum Action {
            $(#[doc = $doc] #[n($number)] $name,)+
        }

        impl Action {
            /// All actions.
            pub const ALL: [Self; [$($number),+].len()] = [$(Self::$name),+];

            /// Returns the stable name: what it is about, a dot, what is done.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

actions! {
    0 ObjectRead "object.read" "Reads the bytes of an object.";
    1 ObjectSent "object.sent" "Says how many bytes of a read left.";
    2 ObjectList "object.list" "Lists objects.";
    3 ObjectWrite "object.write" "Writes a new version of an object.";
    4 ObjectDelete "object.delete" "Deletes a version of an object.";
    5 LabelRaise "label.raise" "Raises a label.";
    6 LabelLower "label.lower" "Lowers a label (declassification).";
    7 BucketCreate "bucket.create" "Makes a bucket.";
    8 BucketDelete "bucket.delete" "Deletes a bucket.";
    9 PublicationMake "publication.make" "Makes a version public until a date.";
    10 PublicationWithdraw "publication.withdraw" "Takes a publication back.";
    11 ShareMake "share.make" "Shares a version with someone outside.";
    12 ShareWithdraw "share.withdraw" "Takes a share back.";
    13 SignIn "session.sign-in" "Signs in.";
    14 SignOut "session.sign-out" "Signs out.";
    15 PrincipalCreate "principal.create" "Adds a principal.";
    16 PrincipalChange "principal.change" "Changes a principal.";
    17 PrincipalErase "principal.erase" "Erases what identifies a person.";
    18 CredentialIssue "credential.issue" "Issues a credential.";
    19 Revoke "access.revoke" "Revokes a principal, credential, device, vendor, grant or share.";
    20 GrantMake "access.grant" "Grants something to a principal.";
    21 Approve "approval.give" "Approves what someone else asked for.";
    22 PolicyChange "policy.change" "Changes the policies.";
    23 KeyUnlock "key.unlock" "Unlocks the keys.";
    24 KeyRotate "key.rotate" "Gives a key a new version.";
    25 KeyRewrap "key.rewrap" "Wraps data keys anew.";
    26 KeyShred "key.shred" "Destroys the keys of a version.";
    27 LogStart "log.start" "Begins a log.";
    28 LogSucceed "log.succeed" "Begins a log that follows another which was lost.";
    29 LogGap "log.gap" "Counts accesses that could not be recorded.";
    30 LogRefusals "log.refusals" "Counts refusals before sign-in beyond the bound.";
    31 LogSearch "log.search" "Searches or exports events.";
    32 Heartbeat "node.heartbeat" "A node lives.";
    33 ClockBack "node.clock-back" "The clock of a node went backwards.";
    34 BackupMake "state.backup" "Makes a backup.";
    35 BackupRestore "state.restore" "Restores a backup.";
    36 KeyCertify "key.certify" "States what a destruction of keys destroyed.";
    37 AccessQuery "access.query" "Asks who may do what.";
    38 ApprovalAsk "approval.ask" "Asks others to approve something.";
    39 DeviceEnrol "device.enrol" "Enrols a device.";
    40 VendorChange "vendor.change" "Adds or changes a vendor and its contract.";
    41 LevelsChange "levels.change" "Changes what the levels demand.";
    42 EmergencyOpen "emergency.open" "Opens access that the policies do not give, for an hour.";
    43 EmergencyReview "emergency.review" "Closes an emergency after a review.";
    44 InvitationAccept "invitation.accept" "Uses an invitation to set a way to sign in.";
    45 AuthenticatorEnrol "authenticator.enrol" "Adds or changes a way to sign in.";
    46 SessionKeys "session.keys" "Turns a sign-in into access keys.";
    47 EmergencyAsk "emergency.ask" "Asks others to open an emergency.";
    48 BucketChange "bucket.change" "Changes what a bucket does with what is written to it.";
    49 ObjectHide "object.hide" "Hides an object behind a mark, that can be taken away.";
    50 ObjectInspect "object.inspect" "Looks into what was written.";
    51 ObjectTag "object.tag" "Changes the tags of a version.";
    52 AllowanceMake "allowance.make" "Lets somebody read more of a bucket than limits allow.";
    53 AllowanceEnd "allowance.end" "Ends an allowance.";
    54 EmbargoMake "embargo.make" "Keeps something from being read before a date.";
    55 EmbargoLift "embargo.lift" "Lifts an embargo before its date.";
    56 BucketLoosen "bucket.loosen" "Lets a bucket observe what it enforced.";
    57 CodenameMake "codename.make" "Makes a codename known.";
    58 CodenameEnd "codename.end" "Forgets a codename.";
    59 PrintsForget "prints.forget" "Has copies of a version recognised no more.";
    60 CodenameList "codename.list" "Lists codenames.";
    61 KnowledgeTake "knowledge.take" "Takes what one's scans are to recognise.";
}

impl Action {
    /// Tells whether the label of a version begins, or ends, with it.
    #[must_use]
    pub const fn changes_label(self) -> bool {
        matches!(self, Self::ObjectWrite | Self::ObjectDelete | Self::LabelRaise | Self::LabelLower | Self::KeyShred)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|action| action.as_str() == word).ok_or_else(|| UnknownAction(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_numbers_are_places() {
        for (place, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(action.as_str().parse(), Ok(action));
            let bytes = minicbor::to_vec(action).expect("encodes");
            assert_eq!(minicbor::decode::<u64>(&bytes).expect("a number"), place as u64);
        }
        assert!("object.eat".parse::<Action>().is_err());
    }
}
