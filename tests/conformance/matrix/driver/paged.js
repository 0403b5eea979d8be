"use strict";

// Joins a client in a page, after the scripts of its protocol and members.js. What it hears is reported in lots, one at a time.

(() => {
    const {Talk, client} = conformance;

    conformance.library = ({way}) => (way === "sockjs" ? client() : {Talk, io: client()});

    const heard = [];
    let reporting = false;

    async function tell(name) {
        if (reporting) {
            return;
        }
        reporting = true;
        while (heard.length) {
            await report({heard: name, messages: heard.splice(0)});
        }
        reporting = false;
    }

    conformance.enter = async (member) => {
        const hear = (...message) => {
            heard.push(message);
            tell(member.name);
        };
        conformance.member = await conformance.join(member, hear, (loss) => report({failed: member.name, error: loss}));
    };
})();
