//! What a restricted user is told.

use super::{LONGEST_ADDRESS, Letter, Link, Writer, fact, moment};
use crate::decision::Scope;
use crate::model::alert::OwnNotice;
use crate::model::text::decent;

impl Writer {
    pub(super) fn own(&self, own: &OwnNotice) -> Letter {
        let ours = &self.organization;
        let title = format!("Your account cannot send mail{} for now", self.out_of_reach());
        let flows = match self.scope {
            Scope::Outside => format!(
                "Mail that you send to addresses outside {ours} is refused. You still receive \
                 mail, and mail to your colleagues still arrives."
            ),
            Scope::All => "Mail that you send is refused. You still receive mail.".into(),
        };
        let mut facts = vec![
            fact("Account", decent(&own.address, LONGEST_ADDRESS)),
            fact("Since", moment(own.restricted_at)),
        ];
        facts.extend(own.ends_at.map(|ends_at| fact("Ends by itself", moment(ends_at))));
        Letter {
            opening: vec![
                flows,
                "This is done when unusual mail leaves an account. It may have been taken over by \
                 somebody who learnt the password; that happens to many, and it can be put right."
                    .into(),
            ],
            facts,
            steps: vec![
                format!("Ask the IT team of {ours} for help. They can let you send again."),
                "Change your password, on a device that you trust and to one that you use nowhere \
                 else."
                    .into(),
                "Tell them whether you know the mail that you sent lately, and of any forwarding \
                 or rules that you did not make."
                    .into(),
            ],
            action: self
                .help_url
                .clone()
                .map(|url| Link { label: "What to do, step by step".into(), url }),
            closing: vec![format!(
                "This was sent by the mail system of {ours}. Nobody asks for your password in \
                 answer to it."
            )],
            ..Letter::new(title.clone(), title)
        }
    }
}
